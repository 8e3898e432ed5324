#include "harness/campaign/display.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "harness/io/terminal.h"

namespace migfuzz {
namespace {

constexpr Milliseconds kLive{200}, kLog{10000};
constexpr unsigned kMostRows = 20;

std::string blank(std::size_t count) { return std::string(count, ' '); }

// Columns that a line takes: colours take none.
std::size_t columns_of(const std::string& line) {
  std::size_t count = 0;
  bool escape = false;
  for (const char c : line) {
    if (c == '\x1b') escape = true;
    if (!escape) ++count;
    if (escape && c == 'm') escape = false;
  }
  return count;
}

}  // namespace

Display::Display(int fd, bool quiet) : fd_(fd), quiet_(quiet) {
  const auto found = io::terminal(fd_);
  terminal_ = found.has_value();
  moves_ = found && found->moves;
}

Display::~Display() {
  if (!drawn_.empty() && !quiet_) write("\n");
}

// A terminal that takes no more, or a log on a full disk, is not what a run fails for.
void Display::write(const std::string& text) const {
  for (std::size_t at = 0; at < text.size();) {
    const auto count = ::write(fd_, text.data() + at, text.size() - at);
    if (count <= 0) return;
    at += static_cast<std::size_t>(count);
  }
}

// What takes back the lines that stand there. A terminal that has become narrower has broken them.
std::string Display::erased() {
  if (drawn_.empty()) return "";
  std::string text = "\r";
  if (moves_) {
    const auto now = io::terminal(fd_);
    const std::size_t columns = now ? now->columns : 80;
    std::size_t rows = 0;
    for (const auto width : drawn_)
      rows += std::max<std::size_t>(1, (width + columns - 1) / columns);
    if (rows > 1) text += fmt::format("\x1b[{}A", rows - 1);
    text += "\x1b[J";
  } else {
    text += blank(drawn_.front()) + "\r";
  }
  drawn_.clear();
  return text;
}

void Display::say(const std::string& line) {
  if (quiet_) return;
  write(erased() + line + "\n");
  if (terminal_) last_ = {};  // what is redrawn comes back at once
}

bool Display::due() const { return !quiet_ && Clock::now() - last_ >= (terminal_ ? kLive : kLog); }

void Display::clear() {
  if (!quiet_) write(erased());
}

void Display::show(const Tally& tally) {
  if (!due()) return;
  // The first line of a log comes after its time, too: a short run needs none.
  const bool first = last_ == Clock::time_point{};
  last_ = Clock::now();
  if (!terminal_) {
    if (!first) write(progress_line(tally) + "\n");
    return;
  }
  const auto size = io::terminal(fd_).value_or(io::Terminal{});
  std::vector<std::string> lines{progress_line(tally)};
  if (moves_)
    lines = progress_lines(tally, size.columns,
                           std::min(kMostRows, size.rows > 2 ? size.rows - 1 : 1), size.colours);
  else
    lines.front().resize(std::min<std::size_t>(lines.front().size(), size.columns - 1));
  auto text = erased();
  for (std::size_t i = 0; i < lines.size(); ++i) {
    text += (i == 0 ? "" : "\n") + lines[i];
    drawn_.push_back(columns_of(lines[i]));
  }
  write(text);
}

void Display::finish(const Tally& tally) {
  if (quiet_) return;
  auto end = tally;
  end.ended = true;
  write(erased() + progress_line(end) + "\n");
}

}  // namespace migfuzz
