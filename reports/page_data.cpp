#include "reports/page_data.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "harness/core/strict_json.h"
#include "reports/case_data.h"
#include "reports/words.h"

namespace migfuzz {
namespace {

using nlohmann::json;

constexpr std::size_t kCaseBytesMax = 3'800'000;  // for all cases; the rest of a page is < 1 MB
constexpr std::size_t kOneCaseBytesMax = 50'000;
constexpr std::size_t kTroubleWeight = 6;  // a case that did not pass is worth that many

json whole_page(const Summary& summary, const std::vector<CaseResult>& results) {
  json verdicts = json::array();
  for (const Verdict verdict : all_verdicts()) {
    verdicts.push_back({{"word", to_string(verdict)}, {"sentence", describe(verdict)}});
  }
  json phases = json::array();
  for (const Phase phase : all_phases()) {
    phases.push_back({{"name", to_string(phase)}, {"sentence", describe(phase)}});
  }
  json points = json::array();
  for (const std::string& point : points_in_stream_order(results)) {
    points.push_back(clean_utf8(point));
  }
  std::size_t shares = 0;
  const auto share_of = [](const CaseResult& result) {
    return result.verdict == Verdict::pass ? std::size_t{1} : kTroubleWeight;
  };
  for (const CaseResult& result : results) shares += share_of(result);
  const std::size_t share_bytes = kCaseBytesMax / std::max<std::size_t>(shares, 1);
  json cases = json::array();
  for (const CaseResult& result : results) {
    const std::size_t bytes_max = std::min(share_bytes * share_of(result), kOneCaseBytesMax);
    cases.push_back(case_data(summary, result, bytes_max));
  }
  return {{"verdicts", std::move(verdicts)},
          {"phases", std::move(phases)},
          {"points", std::move(points)},
          {"cases", std::move(cases)}};
}

/// JSON that can stand in a <script> element: nothing in it can end the element or open a comment.
std::string inline_json(const json& value) {
  std::string out;
  for (const char c : value.dump(-1, ' ', true)) {
    if (c == '<') {
      out += "\\u003c";
    } else if (c == '>') {
      out += "\\u003e";
    } else if (c == '&') {
      out += "\\u0026";
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace

std::string page_data(const Summary& summary, const std::vector<CaseResult>& results) {
  return inline_json(whole_page(summary, results));
}

}  // namespace migfuzz
