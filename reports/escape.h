// Text of unknown origin, made inert for the format it goes into.
//
// QEMU's messages, a guest's output and names of files are bytes that anybody may have written: any
// length, any encoding, any markup. Each function here takes them as they are and returns valid
// UTF-8 that its format shows as text. Cut first, escape afterwards: a cut may fall into an escape.
// The HTML page has its own, in html_text.h.
#pragma once

#include <string>
#include <string_view>

namespace migfuzz {

/// The text as valid UTF-8, at most about `bytes_max` long; what was cut is said at its end.
std::string shortened(std::string_view text, std::size_t bytes_max);

/// For XML 1.0, in an element or an attribute. Characters that XML cannot hold become U+FFFD.
std::string xml_text(std::string_view text);

/// For running text or a cell of a table in GitHub's Markdown: no markup, tag, link or mention
/// comes out of it, and no line ends in it.
std::string markdown_text(std::string_view text);
/// As a code span: what is to be copied as it is. In a cell of a table a `|` needs the other one.
std::string markdown_code(std::string_view text);
std::string markdown_code_cell(std::string_view text);

/// As the label of a Prometheus metric, quotes included.
std::string prometheus_label(std::string_view text);

/// As a relative reference (RFC 3986): everything but unreserved characters and `/` in percents.
std::string uri_path(std::string_view path);

/// Plain text of SARIF, in which `[a](b)` would be a link and `{0}` a placeholder.
std::string sarif_text(std::string_view text);

}  // namespace migfuzz
