#include "reports/escape.h"

#include <algorithm>
#include <cstdio>

#include "harness/core/strict_json.h"

namespace migfuzz {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";  // U+FFFD

bool is_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == 0x7f;
}

bool in_a_character(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

std::string one_line(std::string_view text) {
  std::string out = clean_utf8(text);
  std::replace_if(out.begin(), out.end(), is_control, ' ');
  return out;
}

// Blanks show as one wherever Markdown has text; at the start of a line four would be a code block.
std::string squeezed(std::string_view text) {
  std::string out;
  for (const char c : one_line(text))
    if (c != ' ' || (!out.empty() && out.back() != ' ')) out += c;
  if (out.ends_with(' ')) out.pop_back();
  return out;
}

// The fence is longer than any run of backticks inside.
std::string code_span(std::string_view text, std::string_view pipe) {
  std::size_t run = 0;
  std::size_t longest = 0;
  std::string inner;
  for (const char c : one_line(text)) {
    run = c == '`' ? run + 1 : 0;
    longest = std::max(longest, run);
    if (c == '|')
      inner += pipe;
    else
      inner += c;
  }
  if (inner.empty()) return "";
  const std::string fence(longest + 1, '`');
  return fence + (longest > 0 ? " " + inner + " " : inner) + fence;
}

}  // namespace

std::string shortened(std::string_view text, std::size_t bytes_max) {
  // A little more than is kept, so that a megabyte is not cleaned for a line of it.
  if (text.size() <= bytes_max) return clean_utf8(text);
  std::size_t keep = bytes_max;
  while (keep > 0 && in_a_character(text[keep])) --keep;
  char told[48];
  std::snprintf(told, sizeof told, " [%zu bytes left out]", text.size() - keep);
  return clean_utf8(text.substr(0, keep)) + told;
}

std::string xml_text(std::string_view text) {
  const std::string clean = clean_utf8(text);
  std::string out;
  for (std::size_t i = 0; i < clean.size(); ++i) {
    const char c = clean[i];
    const std::string_view rest = std::string_view(clean).substr(i, 3);
    if (c == '&') {
      out += "&amp;";
    } else if (c == '<') {
      out += "&lt;";
    } else if (c == '>') {
      out += "&gt;";
    } else if (c == '"') {
      out += "&quot;";
    } else if (c == '\n' || c == '\t') {
      out += c == '\n' ? "&#10;" : "&#9;";
    } else if (is_control(c)) {
      out += kReplacement;
    } else if (rest == "\xef\xbf\xbe" || rest == "\xef\xbf\xbf") {  // U+FFFE, U+FFFF: not XML
      out += kReplacement;
      i += 2;
    } else {
      out += c;
    }
  }
  return out;
}

std::string markdown_text(std::string_view text) {
  std::string out;
  const std::string line = squeezed(text);
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    const std::string_view before = std::string_view(line).substr(0, i);
    if (c == '<') {
      out += "&lt;";
    } else if (c == '&') {
      out += "&amp;";
    } else if (c == '@') {
      out += "@\xe2\x81\xa0";  // WORD JOINER: no mention of anybody, no address of mail
    } else {
      // A backslash takes the meaning from a mark, and from `://` and `www.` the link.
      const bool link = (c == ':' && line.compare(i, 3, "://") == 0) ||
                        (c == '.' && (before.ends_with("www") || before.ends_with("WWW")));
      if (link || std::string_view("\\`*_[]|#~!>").find(c) != std::string_view::npos) out += '\\';
      out += c;
    }
  }
  return out;
}

std::string markdown_code(std::string_view text) { return code_span(text, "|"); }

std::string markdown_code_cell(std::string_view text) { return code_span(text, "\\|"); }

std::string prometheus_label(std::string_view text) {
  std::string out = "\"";
  for (const char c : clean_utf8(text)) {
    if (c == '\n') {
      out += "\\n";
    } else if (c == '\\' || c == '"') {
      out += '\\';
      out += c;
    } else {
      out += is_control(c) ? ' ' : c;
    }
  }
  return out + "\"";
}

std::string uri_path(std::string_view path) {
  std::string out;
  for (const char c : path) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (letter || std::string_view("-._~/").find(c) != std::string_view::npos) {
      out += c;
      continue;
    }
    char hex[8];
    std::snprintf(hex, sizeof hex, "%%%02X", static_cast<unsigned>(static_cast<unsigned char>(c)));
    out += hex;
  }
  return out;
}

std::string sarif_text(std::string_view text) {
  std::string out;
  for (const char c : clean_utf8(text)) {
    const bool link = c == '(' && out.ends_with(']');
    const bool placeholder = c >= '0' && c <= '9' && out.ends_with('{');
    if (link || placeholder) out += ' ';
    out += is_control(c) && c != '\n' ? ' ' : c;
  }
  return out;
}

}  // namespace migfuzz
