#include "harness/campaign/progress.h"

#include <fmt/format.h>

#include <algorithm>

namespace migfuzz {
namespace {

using std::chrono::seconds;

double seconds_of(Clock::duration time) { return std::chrono::duration<double>(time).count(); }

double rate_of(const Tally& tally) {
  const auto past = seconds_of(tally.elapsed);
  return past > 0 ? double(tally.seen.value_or(tally.done)) / past : 0;
}

std::string how_far(const Tally& tally) {
  if (tally.total && tally.done <= *tally.total)
    return fmt::format("{} {}/{}{}", tally.stage, tally.done, *tally.total,
                       tally.more ? ", then a search" : "");
  return fmt::format("{} {}", tally.stage, tally.done);
}

std::string how_long(const Tally& tally) {
  if (tally.ended) return tally.seen ? "" : fmt::format("in {}", length_text(tally.elapsed));
  if (tally.time_left && (tally.more || !tally.total))
    return fmt::format("{} left", length_text(*tally.time_left));
  if (const auto left = expected_end(tally))
    return fmt::format("about {} left", length_text(*left));
  return "";
}

std::string rate_text(const Tally& tally) {
  const auto rate = rate_of(tally);
  return tally.seen.value_or(tally.done) == 0 ? ""
         : rate < 0.1                         ? fmt::format("{:.0f}/h", rate * 3600)
                                              : fmt::format("{:.1f}/s", rate);
}

const char* colour_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::fail:
      return "\x1b[31m";
    case Verdict::infra:
    case Verdict::not_delivered:
      return "\x1b[33m";
    case Verdict::pass:
      return "\x1b[32m";
    default:
      return "";
  }
}

// Worst first. A line that would be too long ends before the verdict that does not fit.
std::string found(const Tally& tally, std::size_t width, bool colours) {
  std::string text;
  std::size_t used = 0;
  for (const auto& [verdict, count] : tally.verdicts) {
    if (count == 0) continue;
    auto word = fmt::format("{} {}", to_string(verdict), count);
    if (verdict == Verdict::fail && tally.signatures > 0)
      word += fmt::format(" ({} signature{})", tally.signatures, tally.signatures == 1 ? "" : "s");
    if (used + word.size() + 2 > width) break;
    used += word.size() + 2;
    const std::string_view colour = colours ? colour_of(verdict) : "";
    text += fmt::format("{}{}{}{}", text.empty() ? "" : "  ", colour, word,
                        colour.empty() ? "" : "\x1b[0m");
  }
  return text;
}

std::string joined(const std::vector<std::string>& parts) {
  std::string text;
  for (const auto& part : parts)
    if (!part.empty()) text += (text.empty() ? "" : "  ") + part;
  return text;
}

std::string cut(std::string line, std::size_t width) {
  if (line.size() <= width) return line;
  line.resize(width);
  return line;
}

std::string worker_line(std::size_t number, const Doing& doing, std::size_t width) {
  const auto time = doing.since ? fmt::format("{:.1f} s", seconds_of(*doing.since)) : "";
  const auto begin = fmt::format("  {:<3} ", number);
  const auto room =
      width > begin.size() + time.size() + 2 ? width - begin.size() - time.size() - 2 : 1;
  return cut(fmt::format("{}{:<{}}  {}", begin, cut(doing.what, room), room, time), width);
}

}  // namespace

std::string length_text(Clock::duration time) {
  const auto whole = std::max<std::int64_t>(0, std::chrono::duration_cast<seconds>(time).count());
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 600) return fmt::format("{} min {} s", whole / 60, whole % 60);
  if (whole < 3600) return fmt::format("{} min", whole / 60);
  return fmt::format("{} h {} min", whole / 3600, whole / 60 % 60);
}

std::optional<Clock::duration> expected_end(const Tally& tally) {
  // The first cases start together with their workers: their rate says nothing.
  constexpr std::size_t kEnough = 5;
  if (!tally.total || tally.more || tally.seen.value_or(tally.done) < kEnough ||
      tally.elapsed < seconds(2))
    return std::nullopt;
  const auto left = *tally.total > tally.done ? *tally.total - tally.done : 0;
  const auto time = std::chrono::duration_cast<Clock::duration>(
      std::chrono::duration<double>(double(left) / rate_of(tally)));
  return tally.time_left ? std::min(time, *tally.time_left) : time;
}

std::string progress_line(const Tally& tally) {
  return joined({how_far(tally), rate_text(tally), found(tally, 1000, false), how_long(tally)});
}

std::vector<std::string> progress_lines(const Tally& tally, unsigned columns, unsigned rows,
                                        bool colours) {
  const std::size_t width = columns > 1 ? columns - 1 : 1;
  std::vector<std::string> lines;
  lines.push_back(cut(joined({how_far(tally), rate_text(tally), how_long(tally)}), width));
  if (auto line = found(tally, width, colours); rows > 1 && !line.empty())
    lines.push_back(std::move(line));
  std::size_t shown = 0;
  for (; shown < tally.workers.size() && lines.size() < rows; ++shown) {
    const auto more = tally.workers.size() - shown;
    if (lines.size() + 1 == rows && more > 1) {
      lines.push_back(cut(fmt::format("  and {} more workers", more), width));
      break;
    }
    lines.push_back(worker_line(shown + 1, tally.workers[shown], width));
  }
  return lines;
}

}  // namespace migfuzz
