#include "reports/rows.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "harness/core/strict_json.h"
#include "reports/case_data.h"
#include "reports/grid.h"
#include "reports/inline_json.h"
#include "reports/measures.h"
#include "reports/words.h"

namespace migfuzz {
namespace {

using nlohmann::json;

constexpr std::size_t kTextMax = 300;               // of one text of a row
constexpr std::size_t kHeadlineBytesMax = 400'000;  // of all headlines together
constexpr std::size_t kDetailMax = 50'000;          // of one case
constexpr std::size_t kHashLength = 8;

std::string cut(std::string_view text) {
  if (text.size() <= kTextMax) return clean_utf8(text);
  return clean_utf8(text.substr(0, kTextMax)) + "\xe2\x80\xa6";
}

/// Each text once; what it costs in the page is counted.
class Texts {
 public:
  std::size_t place_of(std::string_view text) {
    auto mine = cut(text);
    const auto [found, fresh] = places_.try_emplace(std::move(mine), places_.size());
    if (fresh) {
      list_.push_back(found->first);
      bytes_ += bytes_inline(list_.back());
    }
    return found->second;
  }
  std::size_t bytes() const { return bytes_; }
  json list() const { return list_; }

 private:
  std::unordered_map<std::string, std::size_t> places_;
  json list_ = json::array();
  std::size_t bytes_ = 0;
};

/// "stopcopy-enter-crash-source-handshake-4f2a0c11" in front of the hash, and the hash; names that
/// end otherwise have no hash.
std::pair<std::string, std::string> split_id(const std::string& id) {
  const auto dash = id.rfind('-');
  if (dash == id.npos || id.size() - dash - 1 != kHashLength) return {"", ""};
  const auto hash = id.substr(dash + 1);
  const bool plain = std::all_of(hash.begin(), hash.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
  });
  return plain ? std::pair{id.substr(0, dash + 1), hash} : std::pair<std::string, std::string>();
}

/// Tenths of milliseconds as far as they say something: -1 stays -1.
json measured(double ms) {
  if (!std::isfinite(ms) || ms < 0) return -1;
  if (ms >= 100) return static_cast<std::int64_t>(std::llround(std::min(ms, 1e15)));
  return std::round(ms * 10) / 10;
}

class Rows {
 public:
  /// False when it does not fit; then nothing was added.
  bool add(const CaseResult& result, std::size_t bytes_max) {
    const auto [prefix, hash] = split_id(result.id);
    const std::size_t kind = kind_of(result, prefix);
    const Measures measures = measures_of(result);
    const json numbers = {kind,
                          measured(result.blackout_ms),
                          measured(result.brownout_ms),
                          measured(measures.settle_ms),
                          measures.passes,
                          measures.bytes < 0 ? -1 : measures.bytes / 1024,
                          measured(result.ping_gap_ms),
                          measured(result.tcp_gap_ms)};
    has_client_ = has_client_ || result.ping_gap_ms >= 0 || result.tcp_gap_ms >= 0;
    const std::size_t whole_id = hash.empty() ? bytes_inline(cut(result.id)) + 10 : 0;
    const std::size_t more = numbers.dump().size() + kHashLength + whole_id;
    if (bytes() + more > bytes_max) return false;
    bytes_ += more;
    const std::size_t row = columns_[0].size();
    for (std::size_t i = 0; i < std::size(columns_); ++i) columns_[i].push_back(numbers[i]);
    hashes_ += hash.empty() ? std::string(kHashLength, '0') : hash;
    if (hash.empty()) ids_[std::to_string(row)] = cut(result.id);
    return true;
  }

  std::size_t count() const { return columns_[0].size(); }
  std::size_t bytes() const { return bytes_ + texts_.bytes(); }

  json data() const {
    json all = {{"texts", texts_.list()},  {"kinds", kinds_},
                {"kind", columns_[0]},     {"blackout", columns_[1]},
                {"brownout", columns_[2]}, {"settle", columns_[3]},
                {"passes", columns_[4]},   {"kib", columns_[5]},
                {"hashes", hashes_},       {"ids", ids_}};
    if (has_client_) {
      all["ping"] = columns_[6];
      all["tcp"] = columns_[7];
    }
    return all;
  }

 private:
  std::size_t text(std::string_view of) { return texts_.place_of(of); }

  json faults_of(const Plan& plan) {
    json faults = json::array();
    for (const auto& fault : plan.faults)
      faults.push_back({text(fault.kind), text(to_string(fault.side)),
                        text(to_string(fault.trigger)), fault.heal_after_ms,
                        text(std::to_string(fault.parameter))});
    return faults;
  }

  std::size_t headline_of(const CaseResult& result) {
    if (headline_bytes_ > kHeadlineBytesMax) return text("");
    const auto before = texts_.bytes();
    const auto place = text(result.headline);
    headline_bytes_ += texts_.bytes() - before;
    return place;
  }

  std::size_t kind_of(const CaseResult& result, const std::string& prefix) {
    const Plan& plan = result.plan;
    json kind = {text(to_string(result.verdict)),
                 faults_of(plan),
                 text(rules_text(plan.protocol, plan.mode)),
                 text(pair_of(result)),
                 text(to_string(plan.transport)),
                 text(plan.disk),
                 text(result.signature),
                 headline_of(result),
                 text(result.survivor),
                 text(prefix),
                 text(result.rule),
                 text(plan.plant),
                 result.delivered ? 1 : 0,
                 result.required_cell.empty() ? 0 : 1};
    const auto [found, fresh] = kinds_known_.try_emplace(kind.dump(), kinds_.size());
    if (fresh) {
      kinds_.push_back(std::move(kind));
      bytes_ += found->first.size() + 1;
    }
    return found->second;
  }

  Texts texts_;
  std::size_t headline_bytes_ = 0, bytes_ = 200;
  std::unordered_map<std::string, std::size_t> kinds_known_;
  json kinds_ = json::array();
  json columns_[8] = {json::array(), json::array(), json::array(), json::array(),
                      json::array(), json::array(), json::array(), json::array()};
  bool has_client_ = false;
  std::string hashes_;
  json ids_ = json::object();
};

using Order = std::vector<const CaseResult*>;

Order worst_first(const std::vector<CaseResult>& results) {
  Order order;
  order.reserve(results.size());
  for (const auto& result : results) order.push_back(&result);
  std::stable_sort(order.begin(), order.end(), [](const CaseResult* a, const CaseResult* b) {
    return a->verdict < b->verdict;
  });
  return order;
}

/// What a case competes with for bytes: those of its signature, passes with those of its fault.
std::string company_of(const CaseResult& result) {
  if (!result.signature.empty()) return result.signature;
  const auto& faults = result.plan.faults;
  return std::string(to_string(result.verdict)) + " " +
         (faults.empty() ? "no fault" : faults.front().kind);
}

/// The rows in the order in which they get bytes: those shown with a finding first, then the first
/// of each company, the second of each, …; passes behind all others.
std::vector<std::size_t> in_turn(const Summary& summary, const Order& order, std::size_t rows) {
  struct Turn {
    bool pass;
    std::size_t turn, row;
    auto key() const { return std::tie(pass, turn, row); }
  };
  std::map<std::string, std::size_t> shown;
  for (const auto& group : summary.findings) shown[group.case_id] = 0;
  std::unordered_map<std::string, std::size_t> seen;
  std::vector<Turn> turns;
  for (std::size_t row = 0; row < rows; ++row) {
    const auto& result = *order[row];
    const bool first = shown.contains(result.id);
    turns.push_back(
        {result.verdict == Verdict::pass, first ? 0 : 1 + seen[company_of(result)]++, row});
  }
  std::stable_sort(turns.begin(), turns.end(),
                   [](const Turn& a, const Turn& b) { return a.key() < b.key(); });
  std::vector<std::size_t> out;
  for (const auto& turn : turns) out.push_back(turn.row);
  return out;
}

json details_of(const Summary& summary, const Order& order, std::size_t rows,
                std::size_t bytes_max) {
  json details = json::object();
  const auto passes = static_cast<std::size_t>(
      std::count_if(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(rows),
                    [](const CaseResult* one) { return one->verdict == Verdict::pass; }));
  const std::size_t others = std::max<std::size_t>(rows - passes, 1);
  const std::size_t each = std::clamp(bytes_max / others, kCaseBytesLeast, kDetailMax);
  std::size_t bytes = 0;
  for (const std::size_t row : in_turn(summary, order, rows)) {
    if (bytes + kCaseBytesLeast > bytes_max) break;
    const bool pass = order[row]->verdict == Verdict::pass;
    json detail =
        case_data(summary, *order[row], std::min(pass ? kCaseBytesLeast : each, bytes_max - bytes));
    bytes += bytes_inline(detail) + 10;
    if (bytes > bytes_max) break;
    details[std::to_string(row)] = std::move(detail);
  }
  return details;
}

}  // namespace

json rows_data(const Summary& summary, const std::vector<CaseResult>& results,
               std::size_t bytes_max) {
  const Order order = worst_first(results);
  Rows rows;
  // Some bytes stay for the whole of some cases, whatever the rows would take.
  for (const auto* result : order)
    if (!rows.add(*result, bytes_max / 20 * 17)) break;
  json out = rows.data();
  out["total"] = results.size();
  const std::size_t used = std::min(bytes_max, inline_json(out).size());
  out["details"] = details_of(summary, order, rows.count(), bytes_max - used);
  return out;
}

}  // namespace migfuzz
