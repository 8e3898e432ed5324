// The page's sources as they were when the harness was built: see reports/page.cmake.
#pragma once

#include <string_view>

namespace migfuzz {

std::string_view page_html();
std::string_view page_css();
std::string_view page_js();

}  // namespace migfuzz
