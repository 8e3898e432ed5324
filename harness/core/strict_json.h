// Reading JSON that may be hostile, and writing JSON that can always be written.
//
// Plans, results and summaries come back from disk, from colleagues and from bug reports. Every
// reader here says what is wrong in one line: the origin (a path), the key, the mend. A reader
// takes each key once and finish() refuses what nobody took, so that a misspelt key is never
// silently a default. Limits keep a small file from costing much memory or stack.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "harness/core/types.h"

namespace migfuzz {

struct JsonLimits {
  std::size_t text_bytes_max = std::size_t{1} << 20;
  std::size_t depth_max = 64;  // destructors and dump() of the library recurse
};

/// Parses text; UsageError names the origin and the place. Refuses keys given twice.
nlohmann::json parse_json(std::string_view text, std::string_view origin, JsonLimits limits = {});

/// The text with every invalid UTF-8 byte as U+FFFD: dump() throws on anything else, and QEMU's and
/// the guest's output are bytes.
std::string clean_utf8(std::string_view bytes);

/// One JSON object being read. Keeps a reference to the JSON: use it on the stack only.
class StrictObject {
 public:
  StrictObject(const nlohmann::json& json, std::string origin, std::string path = {});

  /// First of all: a file of another schema deserves that message, not "unknown key".
  void schema(int known);
  /// For keys that files of earlier versions lack.
  bool has(const char* key) const;
  std::string text(const char* key);
  /// Letters, digits and ._:/+- only, no "..", not absolute: may become part of a path.
  std::string name(const char* key, bool may_be_empty = false);
  /// A name that must be one of `words`.
  std::string word(const char* key, const std::vector<std::string>& words);
  bool flag(const char* key);
  std::uint64_t count(const char* key, std::uint64_t least, std::uint64_t most);
  std::int64_t integer(const char* key);
  double number(const char* key);
  StrictObject object(const char* key);
  const nlohmann::json& list(const char* key, std::size_t most);
  const nlohmann::json& any(const char* key);
  /// Refuses unknown keys. Call it last.
  void finish() const;
  /// Throws UsageError about `key`.
  [[noreturn]] void refuse(std::string_view key, std::string_view what) const;

  const nlohmann::json& json() const { return json_; }
  const std::string& origin() const { return origin_; }
  std::string path_of(std::string_view key) const;

 private:
  const nlohmann::json& json_;
  std::string origin_, path_;
  std::set<std::string, std::less<>> taken_;
};

}  // namespace migfuzz
