#include "harness/campaign/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>

namespace migfuzz {

Progress::Style Progress::style_of_terminal(bool quiet) {
  if (quiet) return Style::quiet;
  const char* terminal = std::getenv("TERM");
  const bool moves = terminal != nullptr && std::string_view(terminal) != "dumb";
  return ::isatty(STDERR_FILENO) == 1 && moves ? Style::live : Style::plain;
}

Progress::Progress(Style style, std::size_t total) : style_(style), total_(total) {}

void Progress::count(const CaseResult& result) {
  ++done_;
  ++verdicts_[result.verdict];
  if (result.verdict <= Verdict::not_delivered)
    say(fmt::format("{}  {}  {}", to_string(result.verdict), result.id, result.headline));
  draw();
}

void Progress::say(const std::string& line) {
  if (style_ == Style::quiet) return;
  fmt::print(stderr, "{}{}\n", style_ == Style::live ? "\r\x1b[K" : "", line);
}

std::string Progress::status() const {
  const double seconds = std::chrono::duration<double>(Clock::now() - started_).count();
  const double rate = seconds > 0 ? double(done_) / seconds : 0;
  std::string counts;
  for (const auto& [verdict, count] : verdicts_)
    counts += fmt::format("  {} {}", to_string(verdict), count);
  const auto left = rate > 0 && total_ > done_ ? double(total_ - done_) / rate : 0;
  return fmt::format("{}/{}  {:.1f}/s{}  ETA {:.0f} s", done_, total_, rate, counts, left);
}

void Progress::draw() {
  const auto now = Clock::now();
  const auto interval = style_ == Style::live ? Milliseconds(100) : Milliseconds(5000);
  if (style_ == Style::quiet || now - drawn_ < interval) return;
  drawn_ = now;
  if (style_ == Style::live)
    fmt::print(stderr, "\r\x1b[K{}", status());
  else
    fmt::print(stderr, "{}\n", status());
  std::fflush(stderr);
}

void Progress::finish() {
  if (style_ == Style::live) fmt::print(stderr, "\r\x1b[K{}\n", status());
  if (style_ == Style::plain) fmt::print(stderr, "{}\n", status());
}

}  // namespace migfuzz
