// Writes the reports of the made-up runs of tests/fakes/report_sample.h into a folder.
//
// For tests/browser/report_test.sh and for whoever works on reports/page/. Run: render_sample DIR
#include <filesystem>
#include <fstream>
#include <iostream>

#include "reports/report.h"
#include "tests/fakes/report_sample.h"

int main(int count, char** words) {
  using namespace migfuzz;
  if (count != 2) {
    std::cerr << "use: render_sample DIR\n";
    return 2;
  }
  const std::filesystem::path folder = words[1];
  std::filesystem::create_directories(folder);
  const auto write = [&](const std::string& name, const std::string& text) {
    std::ofstream(folder / name, std::ios::binary) << text;
  };
  const std::pair<const char*, fakes::ReportSample> samples[] = {
      {"broken", fakes::report_sample(fakes::Mood::broken)},
      {"safe", fakes::report_sample(fakes::Mood::safe)},
      {"inconclusive", fakes::report_sample(fakes::Mood::inconclusive)},
      {"empty", {}},
      {"hostile", fakes::hostile_sample("</script><script>document.title='owned'</script>"
                                        "<img onerror=\"document.title='owned'\" x='\"]]>")}};
  for (const auto& [name, sample] : samples) {
    write(std::string(name) + ".html", html_report(sample.summary, sample.results));
    write(std::string(name) + ".xml", junit_xml(sample.summary, sample.results));
    write(std::string(name) + ".md", summary_markdown(sample.summary, sample.results));
  }
  return 0;
}
