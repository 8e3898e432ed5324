// Pieces of HTML that the parts of report.html share. All text goes through html(): what came from
// QEMU, from a guest or from a file is shown, never obeyed.
#pragma once

#include <string>
#include <string_view>

#include "harness/core/night.h"
#include "harness/core/verdict.h"

namespace migfuzz {

/// Escaped for text and for quoted attributes; control characters and broken UTF-8 as U+FFFD, and
/// cut behind kHtmlTextMax bytes, visibly.
std::string html(std::string_view text);
inline constexpr std::size_t kHtmlTextMax = 4000;

/// A symbol of the page's sprite: a verdict's word.
std::string icon(std::string_view word);
std::string badge(Verdict verdict);
/// "new", "back", or for how many nights it is known; nothing where there is nothing to compare
/// with.
std::string state_badge(const SeenBefore& before);
/// A time of ISO 8601 as the page shows it, with the whole of it for machines.
std::string moment(std::string_view time);
/// A command line with a button to copy it.
std::string command(std::string_view text);
/// Escaped, and may break after '/' and ':', where a reader would.
std::string breakable(std::string_view text);
/// A paragraph in small print; nothing for nothing.
std::string minor(std::string_view text);
/// A value for the page's hash ("#fault=…"), percent-encoded.
std::string in_hash(std::string_view text);

}  // namespace migfuzz
