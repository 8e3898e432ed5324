// Writes the reports of the made-up runs of tests/fakes/report_sample.h into a folder, with the
// summary.json of each, for tests/browser/report_test.py and for whoever works on reports/page/.
//
// Use: render_sample DIR          the made-up runs
//      render_sample DIR OUTPUT   the report of a real output folder, from its results.jsonl
#include <filesystem>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

#include "reports/report.h"
#include "tests/fakes/report_sample.h"

namespace {

using namespace migfuzz;

fakes::ReportSample read(const std::filesystem::path& folder) {
  fakes::ReportSample sample;
  std::ifstream summary(folder / "summary.json"), lines(folder / "results.jsonl");
  sample.summary = summary_from_json(nlohmann::json::parse(summary));
  for (std::string line; std::getline(lines, line);)
    sample.results.push_back(case_result_from_json(nlohmann::json::parse(line)));
  return sample;
}

void write(const std::filesystem::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

void write(const std::filesystem::path& folder, const std::string& name,
           const fakes::ReportSample& sample) {
  write(folder / (name + ".html"), html_report(sample.summary, sample.results));
  write(folder / (name + ".json"),
        to_json(sample.summary).dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
}

}  // namespace

int main(int count, char** words) {
  if (count != 2 && count != 3) {
    std::cerr << "use: render_sample DIR [OUTPUT]\n";
    return 2;
  }
  const std::filesystem::path folder = words[1];
  std::filesystem::create_directories(folder);
  if (count == 3) {
    write(folder, "report", read(words[2]));
    return 0;
  }
  std::string all =
      "</script><script>document.title='owned'</script><img src=x "
      "onerror=\"document.title='owned'\" x='\"]]>\x01\x1b[31m\xff\xfe";
  const std::pair<const char*, fakes::ReportSample> samples[] = {
      {"broken", fakes::report_sample(fakes::Mood::broken)},
      {"safe", fakes::report_sample(fakes::Mood::safe)},
      {"inconclusive", fakes::report_sample(fakes::Mood::inconclusive)},
      {"empty", {}},
      {"hostile", fakes::hostile_sample(all)},
      {"long", fakes::hostile_sample(all + std::string(1'000'000, 'x'))}};
  for (const auto& [name, sample] : samples) write(folder, name, sample);
  return 0;
}
