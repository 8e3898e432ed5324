// Reading JSON that may be hostile: see strict_json.h.
//
// A file is read twice: a SAX pass over the text checks depth, duplicate keys and syntax without
// building anything, then the library builds the value. At 1 MiB the second pass costs little, and
// the first keeps a megabyte of '[' from ever becoming a tree.
#include "harness/core/strict_json.h"

#include <algorithm>
#include <cstdio>
#include <limits>
#include <nlohmann/json.hpp>

#include "harness/core/error.h"

namespace migfuzz {
namespace {

using nlohmann::json;

constexpr std::size_t kNameLengthMax = 128;
constexpr std::size_t kShownLengthMax = 48;

/// Text of an unknown file, fit for one line of a terminal.
std::string shown(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, kShownLengthMax)) {
    const bool printable = c >= 0x20 && c < 0x7f;
    out += printable ? c : '?';
  }
  return text.size() > kShownLengthMax ? out + "..." : out;
}

std::string shown_value(const json& value) {
  if (value.is_string()) return "\"" + shown(value.get_ref<const std::string&>()) + "\"";
  if (value.is_structured()) return value.is_array() ? "a list" : "an object";
  return shown(value.dump());
}

/// Checks shape only; remembers the first complaint.
class ShapeCheck final : public nlohmann::json_sax<json> {
 public:
  explicit ShapeCheck(std::size_t depth_max) : depth_max_(depth_max) {}
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_object(std::size_t) override { return enter(); }
  bool start_array(std::size_t) override { return enter(); }
  bool end_object() override { return leave(); }
  bool end_array() override { return leave(); }
  bool key(string_t& name) override {
    if (keys_.back().insert(name).second) return true;
    complaint = "has key \"" + shown(name) + "\" twice in one object: keep one of them";
    return false;
  }
  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception& error) override {
    number_too_large = error.id == 406;  // out_of_range.406: a number that no double holds
    error_position = position;
    return false;
  }

  std::string complaint;
  std::size_t error_position = 0;
  bool number_too_large = false;

 private:
  bool enter() {
    keys_.emplace_back();
    if (keys_.size() <= depth_max_) return true;
    complaint =
        "nests deeper than " + std::to_string(depth_max_) + " levels: not a file of migfuzz";
    return false;
  }
  bool leave() {
    keys_.pop_back();
    return true;
  }

  std::size_t depth_max_;
  std::vector<std::set<std::string>> keys_;
};

std::string place(std::string_view text, std::size_t position_bytes) {
  const std::string_view before = text.substr(0, std::min(position_bytes, text.size()));
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const std::size_t newline = before.rfind('\n');
  const std::size_t column = newline == before.npos ? before.size() : before.size() - newline - 1;
  return "line " + std::to_string(line) + ", column " + std::to_string(column) + " (byte " +
         std::to_string(position_bytes) + " of " + std::to_string(text.size()) + ")";
}

/// Length of the valid UTF-8 sequence at the start of `bytes`; 0: none. Table 3-7 of Unicode 15.
std::size_t utf8_length(std::string_view bytes) {
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  const unsigned lead = at(0);
  if (lead < 0x80) return 1;
  const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || bytes.size() < length) return 0;
  unsigned low = 0x80;
  unsigned high = 0xbf;
  if (lead == 0xe0) low = 0xa0;   // overlong
  if (lead == 0xed) high = 0x9f;  // surrogates
  if (lead == 0xf0) low = 0x90;   // overlong
  if (lead == 0xf4) high = 0x8f;  // beyond U+10FFFF
  if (at(1) < low || at(1) > high) return 0;
  for (std::size_t i = 2; i < length; ++i) {
    if (at(i) < 0x80 || at(i) > 0xbf) return 0;
  }
  return length;
}

bool name_is_safe(std::string_view name) {
  if (name.size() > kNameLengthMax || name.front() == '/') return false;
  if (name.find("..") != name.npos) return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    return letter || (c >= '0' && c <= '9') ||
           std::string_view("._:/+-").find(c) != std::string_view::npos;
  });
}

}  // namespace

json parse_json(std::string_view text, std::string_view origin, JsonLimits limits) {
  const std::string from = shown(origin);
  if (text.empty()) throw UsageError(from + " is empty: restore the file or write it anew");
  if (text.size() > limits.text_bytes_max) {
    throw UsageError(from + " has " + std::to_string(text.size()) + " bytes, more than " +
                     std::to_string(limits.text_bytes_max) + ": not a file of migfuzz");
  }
  ShapeCheck check(limits.depth_max);
  if (!json::sax_parse(text.begin(), text.end(), &check)) {
    if (!check.complaint.empty()) throw UsageError(from + " " + check.complaint);
    if (check.number_too_large) {
      throw UsageError(from + " holds a number out of range at " +
                       place(text, check.error_position) + ": write a smaller one");
    }
    throw UsageError(from + " is truncated or not JSON: " + place(text, check.error_position) +
                     ": restore the file or write it anew");
  }
  return json::parse(text.begin(), text.end());
}

std::string clean_utf8(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size());
  while (!bytes.empty()) {
    const std::size_t length = utf8_length(bytes);
    if (length == 0) {
      out += "\xef\xbf\xbd";
    } else {
      out.append(bytes.substr(0, length));
    }
    bytes.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return out;
}

StrictObject::StrictObject(const nlohmann::json& json, std::string origin, std::string path)
    : json_(json), origin_(shown(origin)), path_(std::move(path)) {
  if (json_.is_object()) return;
  throw UsageError(origin_ + ": " + (path_.empty() ? "the whole" : "key \"" + path_ + "\"") +
                   " must be an object, but is " + shown_value(json_));
}

std::string StrictObject::path_of(std::string_view key) const {
  return path_.empty() ? std::string(key) : path_ + "." + std::string(key);
}

void StrictObject::refuse(std::string_view key, std::string_view what) const {
  throw UsageError(origin_ + ": key \"" + path_of(key) + "\" " + std::string(what));
}

const nlohmann::json& StrictObject::any(const char* key) {
  const auto found = json_.find(key);
  if (found == json_.end()) refuse(key, "is missing: add it");
  taken_.emplace(key);
  return *found;
}

void StrictObject::schema(int known) {
  const std::string mend = ", but this migfuzz reads schema " + std::to_string(known) +
                           ": use the version that wrote it";
  const auto found = json_.find("schema");
  if (found == json_.end()) {
    refuse("schema",
           "is missing: not a file of migfuzz, or add \"schema\":" + std::to_string(known));
  }
  const bool right = found->is_number_integer() && *found == known;
  if (!right) refuse("schema", "is " + shown_value(*found) + mend);
  taken_.emplace("schema");
}

bool StrictObject::has(const char* key) const { return json_.contains(key); }

std::string StrictObject::text(const char* key) {
  const nlohmann::json& value = any(key);
  if (!value.is_string()) refuse(key, "must be text in quotes, but is " + shown_value(value));
  const auto& found = value.get_ref<const std::string&>();
  return found;
}

std::string StrictObject::name(const char* key, bool may_be_empty) {
  std::string found = text(key);
  if (found.empty()) {
    if (may_be_empty) return found;
    refuse(key, "is empty: give a name");
  }
  if (!name_is_safe(found)) {
    refuse(key, "is \"" + shown(found) +
                    "\": a name has at most 128 of A-Z a-z 0-9 . _ : / + -, no \"..\" and no "
                    "leading slash");
  }
  return found;
}

std::string StrictObject::word(const char* key, const std::vector<std::string>& words) {
  std::string found = text(key);
  if (std::find(words.begin(), words.end(), found) != words.end()) return found;
  std::string all;
  for (const std::string& known : words) all += (all.empty() ? "" : ", ") + known;
  refuse(key, "is \"" + shown(found) + "\": use one of " + all);
}

bool StrictObject::flag(const char* key) {
  const nlohmann::json& value = any(key);
  if (!value.is_boolean()) refuse(key, "must be true or false, but is " + shown_value(value));
  return value.get<bool>();
}

std::uint64_t StrictObject::count(const char* key, std::uint64_t least, std::uint64_t most) {
  const nlohmann::json& value = any(key);
  if (!value.is_number_integer())
    refuse(key, "must be a whole number, but is " + shown_value(value));
  const bool negative = !value.is_number_unsigned() && value.get<std::int64_t>() < 0;
  const std::uint64_t found = negative ? 0 : value.get<std::uint64_t>();
  if (negative || found < least || found > most) {
    refuse(key, "is " + shown_value(value) + ", out of range: use " + std::to_string(least) +
                    " to " + std::to_string(most));
  }
  return found;
}

std::int64_t StrictObject::integer(const char* key) {
  const nlohmann::json& value = any(key);
  if (!value.is_number_integer())
    refuse(key, "must be a whole number, but is " + shown_value(value));
  constexpr auto kMost = std::numeric_limits<std::int64_t>::max();
  if (value.is_number_unsigned() && value.get<std::uint64_t>() > std::uint64_t{kMost}) {
    refuse(key,
           "is " + shown_value(value) + ", out of range: use at most " + std::to_string(kMost));
  }
  return value.get<std::int64_t>();
}

double StrictObject::number(const char* key) {
  const nlohmann::json& value = any(key);
  if (!value.is_number()) refuse(key, "must be a number, but is " + shown_value(value));
  return value.get<double>();
}

StrictObject StrictObject::object(const char* key) {
  return StrictObject(any(key), origin_, path_of(key));
}

const nlohmann::json& StrictObject::list(const char* key, std::size_t most) {
  const nlohmann::json& value = any(key);
  if (!value.is_array()) refuse(key, "must be a list, but is " + shown_value(value));
  if (value.size() > most) {
    refuse(key, "has " + std::to_string(value.size()) + " entries: at most " +
                    std::to_string(most) + " are read");
  }
  return value;
}

void StrictObject::finish() const {
  for (const auto& [key, value] : json_.items()) {
    if (taken_.count(key) > 0) continue;
    const std::vector<std::string> known(taken_.begin(), taken_.end());
    const std::vector<std::string> near = nearest(shown(key), known);
    refuse(shown(key), near.empty() ? "is unknown: remove it"
                                    : "is unknown: did you mean \"" + near.front() + "\"?");
  }
}

}  // namespace migfuzz
