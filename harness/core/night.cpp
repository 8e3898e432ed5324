// Nights to and from JSON: they are kept in the database beside the run that they sum up.
#include "harness/core/night.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

#include "harness/core/strict_json.h"

namespace migfuzz {
namespace {

using nlohmann::json;

constexpr std::uint64_t kAnyU64 = std::numeric_limits<std::uint64_t>::max();
constexpr std::size_t kListMax = 1'000'000;

json texts(const std::vector<std::string>& list) {
  json out = json::array();
  for (const auto& one : list) out.push_back(clean_utf8(one));
  return out;
}

std::vector<std::string> read_texts(StrictObject& object, const char* key) {
  std::vector<std::string> out;
  for (const json& one : object.list(key, kListMax)) {
    if (!one.is_string()) object.refuse(key, "must hold texts only");
    out.push_back(one.get<std::string>());
  }
  return out;
}

Verdict read_verdict(StrictObject& object) {
  std::vector<std::string> words;
  for (const Verdict verdict : all_verdicts()) words.emplace_back(to_string(verdict));
  return *verdict_from(object.word("verdict", words));
}

json sighting_json(const Sighting& one) {
  return {{"signature", clean_utf8(one.signature)},
          {"verdict", to_string(one.verdict)},
          {"count", one.count},
          {"also", texts(one.also)},
          {"cells", texts(one.cells)}};
}

Sighting read_sighting(StrictObject object) {
  Sighting one;
  one.signature = object.text("signature");
  one.verdict = read_verdict(object);
  one.count = object.count("count", 0, kAnyU64);
  one.also = read_texts(object, "also");
  one.cells = read_texts(object, "cells");
  object.finish();
  return one;
}

std::map<Verdict, std::uint64_t> read_counts(StrictObject object) {
  std::map<Verdict, std::uint64_t> counts;
  for (const Verdict verdict : all_verdicts())
    counts[verdict] = object.count(std::string(to_string(verdict)).c_str(), 0, kAnyU64);
  object.finish();
  return counts;
}

json spread_json(const std::optional<Night::Spread>& spread) {
  if (!spread) return nullptr;
  return {{"median", spread->median}, {"p95", spread->p95}};
}

std::optional<Night::Spread> read_spread(const json& value) {
  if (value.is_null()) return std::nullopt;
  StrictObject object(value, "night", "blackout_ms");
  const Night::Spread spread{object.number("median"), object.number("p95")};
  object.finish();
  return spread;
}

}  // namespace

bool same_finding(const Sighting& one, const Sighting& other) {
  const auto names = [](const Sighting& of) {
    auto list = of.also;
    list.push_back(of.signature);
    return list;
  };
  const auto mine = names(one), theirs = names(other);
  return std::find_first_of(mine.begin(), mine.end(), theirs.begin(), theirs.end()) != mine.end();
}

nlohmann::json to_json(const Night& night) {
  json verdicts = json::object();
  for (const Verdict verdict : all_verdicts()) {
    const auto found = night.verdicts.find(verdict);
    verdicts[std::string(to_string(verdict))] = found == night.verdicts.end() ? 0 : found->second;
  }
  json findings = json::array();
  for (const auto& one : night.findings) findings.push_back(sighting_json(one));
  return {{"id", night.id},
          {"started", clean_utf8(night.started)},
          {"seed", night.seed},
          {"source_qemu", clean_utf8(night.source_qemu)},
          {"destination_qemu", clean_utf8(night.destination_qemu)},
          {"duration_s", night.duration_s},
          {"cases", night.cases},
          {"verdicts", std::move(verdicts)},
          {"findings", std::move(findings)},
          {"blackout_ms", spread_json(night.blackout_ms)}};
}

Night night_from_json(const nlohmann::json& json) {
  StrictObject object(json, "night");
  Night night;
  night.id = object.count("id", 0, kAnyU64);
  night.started = object.text("started");
  night.seed = object.count("seed", 0, kAnyU64);
  night.source_qemu = object.text("source_qemu");
  night.destination_qemu = object.text("destination_qemu");
  night.duration_s = object.number("duration_s");
  night.cases = object.count("cases", 0, kAnyU64);
  night.verdicts = read_counts(object.object("verdicts"));
  for (const auto& one : object.list("findings", kListMax))
    night.findings.push_back(read_sighting(StrictObject(one, "night", "findings")));
  night.blackout_ms = read_spread(object.any("blackout_ms"));
  object.finish();
  return night;
}

nlohmann::json to_json(const SeenBefore& seen) {
  return {{"state", clean_utf8(seen.state)},
          {"nights", seen.nights},
          {"first_night", clean_utf8(seen.first_night)},
          {"last_night", clean_utf8(seen.last_night)}};
}

SeenBefore seen_before_from_json(const nlohmann::json& json) {
  StrictObject object(json, "seen_before");
  SeenBefore seen;
  seen.state = object.text("state");
  seen.nights = object.count("nights", 0, kAnyU64);
  seen.first_night = object.text("first_night");
  seen.last_night = object.text("last_night");
  object.finish();
  return seen;
}

nlohmann::json to_json(const Gone& gone) {
  auto out = sighting_json(gone.then);
  out["night"] = clean_utf8(gone.night);
  out["tried"] = gone.tried;
  return out;
}

Gone gone_from_json(const nlohmann::json& json) {
  auto then = json;
  Gone gone;
  StrictObject object(json, "gone");
  gone.night = object.text("night");
  gone.tried = object.count("tried", 0, kAnyU64);
  then.erase("night");
  then.erase("tried");
  gone.then = read_sighting(StrictObject(then, "gone"));
  return gone;
}

}  // namespace migfuzz
