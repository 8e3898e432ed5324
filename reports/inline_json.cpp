#include "reports/inline_json.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace migfuzz {

std::string inline_json(const nlohmann::json& value) {
  const std::string text = value.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
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

std::size_t bytes_inline(const nlohmann::json& value) {
  const std::string text = value.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
  const auto escaped = [](char c) { return c == '<' || c == '>' || c == '&'; };
  const auto count = std::count_if(text.begin(), text.end(), escaped);
  return text.size() + 1 + 5 * static_cast<std::size_t>(count);
}

}  // namespace migfuzz
