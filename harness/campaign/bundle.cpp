#include "harness/campaign/bundle.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "harness/campaign/script.h"
#include "harness/core/error.h"
#include "harness/core/strict_json.h"
#include "harness/io/archive.h"
#include "harness/io/files.h"

namespace migfuzz {
namespace {

using nlohmann::json;

constexpr int kSchema = 1;
constexpr std::size_t kFileBytesMax = std::size_t{48} << 20;  // below what read_archive() takes
constexpr std::size_t kSlugBytesMax = 110;
constexpr const char* kAbout = "bundle.json";
constexpr const char* kScript = "reproduce.py";

// "7.2.22" and "10.0.2" of "7.2.22 -> 10.0.2".
std::pair<std::string, std::string> versions_of(const CaseResult& result) {
  const auto arrow = result.versions.find(" -> ");
  if (arrow == std::string::npos) return {result.versions, result.versions};
  return {result.versions.substr(0, arrow), result.versions.substr(arrow + 4)};
}

json about(const Summary& summary, const FindingGroup& finding, const CaseResult& result,
           const std::map<std::string, std::string>& missing) {
  const auto [source, destination] = versions_of(result);
  return {{"schema", kSchema},
          {"migfuzz", clean_utf8(summary.version)},
          {"command", clean_utf8(summary.command)},
          {"started", clean_utf8(summary.started)},
          {"signature", clean_utf8(finding.signature)},
          {"verdict", to_string(finding.verdict)},
          {"count", finding.count},
          {"cases", summary.cases},
          {"case", clean_utf8(result.id)},
          {"source_version", clean_utf8(source)},
          {"destination_version", clean_utf8(destination)},
          {"source_qemu", clean_utf8(summary.source_qemu)},
          {"destination_qemu", clean_utf8(summary.destination_qemu)},
          {"accel", clean_utf8(summary.accel)},
          {"accel_why", clean_utf8(summary.accel_why)},
          {"memory", clean_utf8(summary.memory)},
          {"memory_why", clean_utf8(summary.memory_why)},
          {"host", clean_utf8(summary.host)},
          {"missing_capabilities", missing}};
}

std::string fault_words(const Plan& plan) {
  std::string text;
  for (const auto& fault : plan.faults)
    text += fmt::format("- `{}` of the {} at `{}`, {}\n", fault.kind, to_string(fault.side),
                        to_string(fault.trigger),
                        fault.heal_after_ms == 0
                            ? std::string("never healed")
                            : fmt::format("healed after {} ms", fault.heal_after_ms));
  return text.empty() ? "- none\n" : text;
}

std::string script_words(const Script& script) {
  if (script.text.empty()) return fmt::format("There is no script for it: {}.\n", script.why_not);
  return fmt::format(
      "Without migfuzz, with QEMU and Python 3 alone, as an ordinary user:\n\n"
      "    ./{} --runs=10\n\n"
      "It ends in status 0 when it came up again, 1 when it did not; `--show` prints the command\n"
      "lines and QMP dialogues.\n",
      kScript);
}

std::string readme(const Summary& summary, const FindingGroup& finding, const CaseResult& result,
                   const std::string& slug, const Script& script) {
  const auto& plan = result.plan;
  std::string checks;
  for (const auto& one : result.findings)
    if (one.verdict < Verdict::pass)
      checks += fmt::format("- `{}` ({}): {}\n", one.checker, to_string(one.verdict), one.what);
  return fmt::format(
      "# {}\n\nVerdict **{}**, seen in {} of {} cases of that run.\n\n{}\n\n"
      "## What happened\n\nFaults:\n\n{}\nTook effect: {}\n\nExpected: {} (rule {}).\n\n"
      "Protocol {}, transport {}, disk {}, guest {}, QEMU {}, accelerator {}, {} of RAM.\n\n{}\n"
      "## Replay\n\n    migfuzz replay {}.tar.gz --times=20\n\n"
      "or `migfuzz replay plan.json` in this folder. Where the QEMUs of the plan are not "
      "installed\n"
      "(source `{}`, destination `{}`) others are looked up; `--source-qemu` and\n"
      "`--destination-qemu` name them.\n\n{}\n"
      "## Files\n\n"
      "- `plan.json`: everything that decided the case\n"
      "- `history.jsonl`: what happened, one event per line, `at_ns` on one clock\n"
      "- `qmp-*.log`: how each QEMU was started, and both its monitors (milliseconds)\n"
      "- `stderr-*.log`: what QEMU printed; `guest-*.log`: the guest's own record\n"
      "- `{}`: versions, and the machine: {}\n",
      finding.signature, to_string(finding.verdict), finding.count, summary.cases, result.headline,
      fault_words(plan), result.delivery_proof.empty() ? "-" : result.delivery_proof,
      result.expected, result.rule, plan.protocol, to_string(plan.transport), plan.disk,
      plan.guest.name, result.versions, plan.accel, summary.memory,
      checks.empty() ? "" : "Checkers:\n\n" + checks, slug,
      plan.source.binary.empty() ? "qemu-system-x86_64" : plan.source.binary,
      plan.destination.binary.empty() ? "qemu-system-x86_64" : plan.destination.binary,
      script_words(script), kAbout, summary.host);
}

io::Members members_of(const std::string& folder) {
  io::Members members;
  for (const auto& name : io::files_in(folder))
    members[name] = io::read_input(folder + "/" + name, kFileBytesMax);
  return members;
}

// One for each finding, none twice.
std::vector<std::string> slugs_of(const Summary& summary) {
  std::map<std::string, int> taken;
  std::vector<std::string> slugs;
  for (const auto& finding : summary.findings) {
    auto slug = slug_of(finding.signature);
    if (const int nth = ++taken[slug]; nth > 1) slug += fmt::format("-{}", nth);
    slugs.push_back(std::move(slug));
  }
  return slugs;
}

std::string path_of(const std::string& slug) { return fmt::format("findings/{}.tar.gz", slug); }

}  // namespace

std::string slug_of(const std::string& signature) {
  std::string slug;
  for (const char c : signature) {
    const bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '_' || (c == '.' && !slug.empty() && slug.back() != '.');
    if (word || (!slug.empty() && slug.back() != '-')) slug += word ? c : '-';
  }
  slug.resize(std::min(slug.size(), kSlugBytesMax));
  while (slug.ends_with('-')) slug.pop_back();
  return slug.empty() ? "finding" : slug;
}

void write_bundles(const std::string& folder, Summary& summary,
                   const std::vector<CaseResult>& results, const Catalogs& catalogs,
                   const std::map<std::string, std::string>& missing) {
  const auto slugs = slugs_of(summary);
  for (std::size_t i = 0; i < slugs.size(); ++i) {
    auto& finding = summary.findings[i];
    const auto& slug = slugs[i];
    const auto found = std::find_if(results.begin(), results.end(), [&](const CaseResult& result) {
      return result.id == finding.case_id;
    });
    if (found == results.end() || found->evidence_kept.empty()) continue;
    auto members = members_of(folder + "/" + found->evidence_kept);
    if (members.count("plan.json") == 0) continue;  // the worker died: nothing was kept
    const auto script = script_for(*found, members, catalogs, summary.version);
    if (!script.text.empty()) members[kScript] = script.text;
    members["README.md"] = readme(summary, finding, *found, slug, script);
    members[kAbout] = about(summary, finding, *found, missing).dump(2) + "\n";
    io::make_output_folder(folder + "/findings");
    finding.bundle = path_of(slug);
    io::write_archive(folder + "/" + finding.bundle, slug, members);
  }
}

void name_bundles(const std::string& folder, Summary& summary) {
  const auto slugs = slugs_of(summary);
  for (std::size_t i = 0; i < slugs.size(); ++i)
    if (io::is_there(folder + "/" + path_of(slugs[i])))
      summary.findings[i].bundle = path_of(slugs[i]);
}

OpenBundle open_bundle(const std::string& path) {
  const auto members = io::read_archive(path);
  for (const auto* needed : {"plan.json", kAbout})
    if (members.count(needed) == 0)
      throw UsageError(fmt::format("{}: has no {}; it is no bundle of migfuzz's", path, needed));
  const auto plan_path = path + ":plan.json", about_path = fmt::format("{}:{}", path, kAbout);
  OpenBundle bundle;
  bundle.plan = plan_from_text(members.at("plan.json"), plan_path);
  const auto text = parse_json(members.at(kAbout), about_path);
  StrictObject object(text, about_path);  // other keys are for people
  object.schema(kSchema);
  bundle.signature = object.text("signature");
  bundle.source_version = object.text("source_version");
  bundle.destination_version = object.text("destination_version");
  bundle.made = fmt::format("migfuzz {} on {}", object.text("migfuzz"), object.text("host"));
  return bundle;
}

}  // namespace migfuzz
