#include "harness/core/scenario.h"

#include <fmt/format.h>

namespace migfuzz {

std::string to_string(const Cell& cell) {
  auto text = fmt::format("{} × {} × {}{}{} × {}", cell.point, cell.fault, to_string(cell.side),
                          cell.channel.empty() ? "" : " ", cell.channel, cell.protocol);
  if (cell.mode != Plan().mode) text += " × " + cell.mode;
  if (!cell.versions.empty()) text += " × " + cell.versions;
  return text;
}

void several_passes(Plan& plan) {
  plan.least_passes = 4;
  plan.guest.dirty_pages_per_s = 30000;
  plan.bandwidth_bytes_per_s = std::uint64_t{64} << 20;  // a pass over 8.5 MiB takes over 100 ms
}

std::uint64_t next_random(std::uint64_t& state) {
  state += 0x9e3779b97f4a7c15ULL;
  auto z = state;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

bool matches(std::string_view pattern, std::string_view text) {
  std::size_t p = 0, t = 0, star = std::string_view::npos, mark = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      mark = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++mark;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

}  // namespace migfuzz
