// How long the guest and its clients were gone, by fault: the distribution of the blackout (the gap
// between the guest's heartbeats over the switch), and of the gaps of a client's pings and of its
// TCP connection, beside what two systems have published.
//
// Reference lines: Clark et al., NSDI'05, sections 6.3 and 6.4: 60 ms (a Quake 3 server) and 210 ms
// (SPECweb99). Ruprecht et al., VEE'18: Compute Engine's median blackout 50 ms, 99th percentile
// 300 ms.
#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

#include "harness/core/nearest_rank.h"
#include "reports/html_text.h"
#include "reports/sections.h"

namespace migfuzz {
namespace {

constexpr double kLeastMs = 1, kMostMs = 100'000;  // of the axis, which is logarithmic
constexpr double kWidth = 320, kHeight = 18;
constexpr struct {
  double ms;
  const char *whose, *dashes;
} kReferences[] = {{50, "Compute Engine, median", "1 2"},
                   {60, "Clark et al., Quake 3", "none"},
                   {210, "Clark et al., SPECweb99", "none"},
                   {300, "Compute Engine, 99th percentile", "1 2"}};

struct Gaps {
  std::vector<double> blackout, ping, tcp;
};

double place(double ms) {
  const double within = std::clamp(ms, kLeastMs, kMostMs);
  return kWidth * std::log10(within / kLeastMs) / std::log10(kMostMs / kLeastMs);
}

std::string number(double value) { return std::to_string(std::llround(value)); }

std::string upright(double ms, double half, const std::string& attributes) {
  const auto x = number(place(ms));
  return "<line x1=\"" + x + "\" x2=\"" + x + "\" y1=\"" + number(kHeight / 2 - half) +
         "\" y2=\"" + number(kHeight / 2 + half) + "\" stroke=\"currentColor\" " + attributes +
         "/>";
}

// From the least to the greatest; an upright for the median and for the 99th percentile.
std::string strip(const std::vector<double>& sorted) {
  std::string out = "<svg class=\"downtime\" role=\"img\" width=\"" + number(kWidth) +
                    "\" height=\"" + number(kHeight) + "\" aria-label=\"" +
                    number(sorted.front()) + " to " + number(sorted.back()) + " ms\">";
  for (const auto& [ms, whose, dashes] : kReferences)
    out += upright(ms, kHeight / 2,
                   std::string("stroke-opacity=\"0.35\" stroke-dasharray=\"") + dashes + "\"");
  out += "<line x1=\"" + number(place(sorted.front())) + "\" x2=\"" +
         number(place(sorted.back())) + "\" y1=\"" + number(kHeight / 2) + "\" y2=\"" +
         number(kHeight / 2) + "\" stroke=\"currentColor\" stroke-width=\"2\"/>";
  out += upright(nearest_rank(sorted, 0.5), 6, "stroke-width=\"3\"");
  out += upright(nearest_rank(sorted, 0.99), 4, "stroke-width=\"2\"");
  return out + "</svg>";
}

std::string worst(std::vector<double>& gaps) {
  if (gaps.empty()) return "–";
  std::sort(gaps.begin(), gaps.end());
  return number(nearest_rank(gaps, 0.5)) + " / " + number(gaps.back());
}

std::string row(const std::string& fault, Gaps& gaps) {
  auto& sorted = gaps.blackout;
  std::sort(sorted.begin(), sorted.end());
  std::string out = "<tr><th scope=\"row\">" + html(fault) + "</th><td>" +
                    std::to_string(sorted.size()) + "</td><td>" +
                    number(nearest_rank(sorted, 0.5)) + "</td><td>" +
                    number(nearest_rank(sorted, 0.99)) + "</td><td>" + number(sorted.back()) +
                    "</td><td>" + strip(sorted) + "</td>";
  return out + "<td>" + worst(gaps.ping) + "</td><td>" + worst(gaps.tcp) + "</td></tr>";
}

}  // namespace

std::string downtime_section(const Summary& summary, const std::vector<CaseResult>& results) {
  std::map<std::string, Gaps> faults;
  for (const auto& result : results) {
    if (result.blackout_ms < 0 || !result.plan.plant.empty()) continue;
    const auto& plan = result.plan;
    auto& gaps = faults[plan.faults.empty()        ? std::string("no fault")
                        : faults_besides(plan) > 0 ? std::string("several faults")
                                                   : telling_fault(plan).kind];
    gaps.blackout.push_back(result.blackout_ms);
    if (result.ping_gap_ms >= 0) gaps.ping.push_back(result.ping_gap_ms);
    if (result.tcp_gap_ms >= 0) gaps.tcp.push_back(result.tcp_gap_ms);
  }
  if (faults.empty()) return "";
  std::string out =
      "<section id=\"downtime\"><details><summary><h2>Downtime by fault</h2></summary><p "
      "class=\"minor\">Of VMs that survived: how long the guest made no step over the switch "
      "(blackout), and how long a client waited for its longest answer (median / longest), in "
      "milliseconds. The strip is logarithmic, 1 ms to 100 s: from the shortest to the longest "
      "blackout, long mark the median, short mark the 99th percentile. Lines, from the left: ";
  for (const auto& [ms, whose, dashes] : kReferences)
    out += number(ms) + " ms " + html(whose) + (ms == kReferences[3].ms ? ". " : ", ");
  out += html("Clark et al.: NSDI'05; Compute Engine: Ruprecht et al., VEE'18. They are of other "
              "machines, for orientation: accelerator " +
              summary.accel + " and a channel that is held at a point stretch these times.");
  out +=
      "</p><div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"Downtime by "
      "fault\"><table class=\"coverage\"><thead><tr><th scope=\"col\">Fault</th><th "
      "scope=\"col\">Cases</th><th scope=\"col\">Median</th><th scope=\"col\">99th "
      "percentile</th><th scope=\"col\">Longest</th><th scope=\"col\">Blackout</th><th "
      "scope=\"col\">Ping gap</th><th scope=\"col\">TCP gap</th></tr></thead><tbody>";
  if (auto none = faults.find("no fault"); none != faults.end())
    out += row(none->first, none->second);
  for (auto& [fault, gaps] : faults)
    if (fault != "no fault") out += row(fault, gaps);
  return out + "</tbody></table></div></details></section>\n";
}

}  // namespace migfuzz
