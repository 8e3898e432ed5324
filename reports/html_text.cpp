#include "reports/html_text.h"

#include "harness/core/strict_json.h"
#include "reports/words.h"

namespace migfuzz {

namespace {

/// Those that turn the direction of what follows: U+202A to U+202E, U+2066 to U+2069.
std::string without_turns(std::string text) {
  for (std::size_t at = text.find('\xe2'); at != text.npos && at + 2 < text.size();
       at = text.find('\xe2', at + 1)) {
    const auto second = static_cast<unsigned char>(text[at + 1]);
    const auto third = static_cast<unsigned char>(text[at + 2]);
    const bool turns = (second == 0x80 && third >= 0xaa && third <= 0xae) ||
                       (second == 0x81 && third >= 0xa6 && third <= 0xa9);
    if (turns) text.replace(at, 3, "\xef\xbf\xbd");
  }
  return text;
}

}  // namespace

std::string html(std::string_view text) {
  std::string out;
  const bool cut = text.size() > kHtmlTextMax;
  for (const char c : without_turns(clean_utf8(text.substr(0, kHtmlTextMax)))) {
    const auto byte = static_cast<unsigned char>(c);
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        if ((byte < 0x20 && c != '\n' && c != '\t') || byte == 0x7f) {
          out += "\xef\xbf\xbd";
        } else {
          out += c;
        }
    }
  }
  if (cut) out += "\xe2\x80\xa6 (cut)";
  return out;
}

std::string icon(std::string_view word) {
  return "<svg class=\"icon\" aria-hidden=\"true\"><use href=\"#v-" + std::string(word) +
         "\"/></svg>";
}

std::string badge(Verdict verdict) {
  const std::string word(to_string(verdict));
  return "<span class=\"badge v-" + word + "\">" + icon(word) + word + "</span>";
}

std::string command(std::string_view text) {
  std::string words;
  while (true) {
    const auto end = text.find(' ');
    words += "<span class=\"w\">" + html(text.substr(0, end)) + "</span>";
    if (end == text.npos) break;
    words += " ";
    text.remove_prefix(end + 1);
  }
  return "<span class=\"command\"><code>" + words + "</code></span>";
}

/// May break after '/' and ':', so that long points wrap where a reader would.
std::string breakable(std::string_view text) {
  std::string out;
  for (const char c : html(text)) {
    out += c;
    if (c == '/' || c == ':') out += "<wbr>";
  }
  return out;
}

std::string minor(std::string_view text) {
  return text.empty() ? "" : "<p class=\"minor\">" + html(text) + "</p>";
}

std::string state_badge(const SeenBefore& before) {
  if (before.state == "new") return "<span class=\"state new\">new</span>";
  if (before.state == "back") return "<span class=\"state back\">back</span>";
  if (before.state == "seen") return "<span class=\"state seen\">seen before</span>";
  return "";
}

std::string moment(std::string_view time) {
  return "<time datetime=\"" + html(time) + "\">" + html(day_of(time)) + "</time>";
}

std::string in_hash(std::string_view text) {
  constexpr const char* kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : clean_utf8(text)) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_';
    if (plain) {
      out += c;
    } else {
      out += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return out;
}

}  // namespace migfuzz
