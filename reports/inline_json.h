// JSON that can stand in a <script> element: ASCII, and nothing in it can end the element or open a
// comment.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace migfuzz {

std::string inline_json(const nlohmann::json& value);
/// As many bytes as it takes in the page, a comma included.
std::size_t bytes_inline(const nlohmann::json& value);

}  // namespace migfuzz
