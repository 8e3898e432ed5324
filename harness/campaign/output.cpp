#include "harness/campaign/output.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "harness/core/error.h"
#include "harness/io/files.h"

namespace migfuzz {
namespace {

constexpr std::size_t kResultsBytesMax = std::size_t{4} << 30;

std::string dump(const nlohmann::json& json, int indent = -1) {
  return json.dump(indent, ' ', false, nlohmann::json::error_handler_t::replace);
}

nlohmann::json parse(const std::string& text, const std::string& path) {
  auto json = nlohmann::json::parse(text, nullptr, false);
  if (json.is_discarded())
    throw UsageError(
        fmt::format("{}: is truncated or not JSON; run migfuzz again or restore it", path));
  return json;
}

std::string case_readme(const CaseResult& result) {
  return fmt::format(
      "# {}\n\nVerdict: **{}**{}\n\n{}\n\nReplay: `migfuzz replay plan.json` in this folder.\n\n"
      "- `plan.json`: everything that decided this case\n"
      "- `history.jsonl`: what happened, one event per line, `at_ns` on one clock\n"
      "- `qmp-source.log`, `qmp-destination.log`: both monitors of each host (milliseconds)\n"
      "- `stderr-*.log`: what QEMU printed\n"
      "- `guest-*.log`: the guest's own record of its steps\n",
      result.id, to_string(result.verdict),
      result.signature.empty() ? "" : " (" + result.signature + ")", result.headline);
}

}  // namespace

Output::Output(std::string folder) : folder_(std::move(folder)) { io::make_output_folder(folder_); }

void Output::wipe() const {
  for (const auto* name :
       {"results.jsonl", "summary.json", "summary.md", "junit.xml", "report.html", "cases",
        "findings"})
    io::remove_if_there(folder_ + "/" + name);
}

void Output::add(CaseResult result) {
  if (results_.empty()) wipe();
  const auto base = result.id;
  for (int n = 2; !ids_.insert(result.id).second; ++n) result.id = fmt::format("{}-{}", base, n);
  if (result.verdict != Verdict::pass) {
    result.evidence_kept = "cases/" + result.id;
    io::make_output_folder(folder_ + "/" + result.evidence_kept);
    result.evidence["plan.json"] = to_json(result.plan).dump(2) + "\n";
    result.evidence["README.md"] = case_readme(result);
    for (const auto& [name, text] : result.evidence)
      io::write_whole(fmt::format("{}/{}/{}", folder_, result.evidence_kept, name), text);
  }
  result.evidence.clear();
  io::append_line(folder_ + "/results.jsonl", dump(to_json(result)));
  results_.push_back(std::move(result));
}

void Output::finish(const Summary& summary, const Reports& reports) const {
  io::write_whole(folder_ + "/summary.json", dump(to_json(summary), 2) + "\n");
  for (const auto& [name, text] : reports(summary, results_))
    io::write_whole(folder_ + "/" + name, text);
}

std::pair<Summary, std::vector<CaseResult>> Output::read(const std::string& folder) {
  const auto summary_path = folder + "/summary.json", results_path = folder + "/results.jsonl";
  const auto summary =
      summary_from_json(parse(io::read_input(summary_path, 64 << 20), summary_path));
  std::vector<CaseResult> results;
  std::istringstream lines(io::read_input(results_path, kResultsBytesMax));
  for (std::string line; std::getline(lines, line);)
    if (!line.empty())
      results.push_back(case_result_from_json(
          parse(line, fmt::format("{}:{}", results_path, results.size() + 1))));
  return {summary, std::move(results)};
}

}  // namespace migfuzz
