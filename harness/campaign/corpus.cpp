#include "harness/campaign/corpus.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "harness/core/simpler.h"
#include "harness/core/strict_json.h"
#include "harness/io/files.h"

namespace migfuzz {
namespace {

constexpr std::size_t kFileBytesMax = std::size_t{1} << 20;
constexpr std::size_t kSlugLengthMax = 100;

// Letters, digits and dashes: "clean-exit-assertion-f-commit-close-channel-handshake".
std::string slug_of(const std::string& signature) {
  std::string slug;
  for (const char c : signature) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (letter || (c >= '0' && c <= '9') || c == '_')
      slug += c;
    else if (!slug.empty() && slug.back() != '-')
      slug += '-';
  }
  slug = slug.substr(0, kSlugLengthMax);
  while (!slug.empty() && slug.back() == '-') slug.pop_back();
  return slug;
}

// The hash that case_id() ends with.
std::string hash_of(const Plan& plan) {
  const auto id = case_id(plan);
  return id.substr(id.rfind('-') + 1);
}

}  // namespace

nlohmann::json to_json(const StoredPlan& stored) {
  return {{"schema", StoredPlan::kSchema},     {"signature", clean_utf8(stored.signature)},
          {"what", clean_utf8(stored.what)},   {"versions", clean_utf8(stored.versions)},
          {"found", clean_utf8(stored.found)}, {"end", clean_utf8(stored.end)},
          {"shown", stored.rate.shown},        {"runs", stored.rate.runs},
          {"plan", to_json(stored.plan)}};
}

StoredPlan stored_plan_from_text(const std::string& text, const std::string& origin) {
  const auto json = parse_json(text, origin);
  StoredPlan stored;
  if (json.is_object() && !json.contains("plan")) {
    stored.plan = plan_from_text(text, origin);
    return stored;
  }
  StrictObject object(json, origin);
  object.schema(StoredPlan::kSchema);
  stored.signature = object.text("signature");
  stored.what = object.text("what");
  stored.versions = object.text("versions");
  stored.found = object.text("found");
  stored.end = object.text("end");
  stored.rate.runs = object.count("runs", 0, UINT64_MAX);
  stored.rate.shown = object.count("shown", 0, stored.rate.runs);
  stored.plan = plan_from_text(object.any("plan").dump(), origin + ": plan");
  object.finish();
  return stored;
}

StoredPlan read_stored_plan(const std::string& path) {
  const auto file = io::is_folder(path) ? path + "/plan.json" : path;
  return stored_plan_from_text(io::read_input(file, kFileBytesMax), file);
}

std::vector<StoredPlan> read_corpus(const std::string& folder) {
  std::vector<StoredPlan> all;
  if (!io::is_folder(folder)) return all;
  for (const auto& name : io::files_in(folder))
    if (name.ends_with(".json")) all.push_back(read_stored_plan(folder + "/" + name));
  return all;
}

std::string add_to_corpus(const std::string& folder, const StoredPlan& stored) {
  const auto have = read_corpus(folder);
  const bool there = std::any_of(have.begin(), have.end(), [&](const StoredPlan& one) {
    return one.signature == stored.signature &&
           !(complexity_of(stored.plan) < complexity_of(one.plan));
  });
  if (there) return "";
  io::make_output_folder(folder);
  const auto text = to_json(stored).dump(2) + "\n";
  const auto base =
      fmt::format("{}/{}-{}", folder, slug_of(stored.signature), hash_of(stored.plan));
  auto path = base + ".json";
  for (int n = 2; !io::write_new(path, text); ++n) path = fmt::format("{}-{}.json", base, n);
  return path;
}

}  // namespace migfuzz
