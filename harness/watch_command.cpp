#include "harness/watch_command.h"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <set>

#include "harness/campaign/display.h"
#include "harness/campaign/follow.h"
#include "harness/campaign/output.h"

namespace migfuzz {
namespace {

constexpr int kLookMs = 500;

void print_begin(const Followed& seen) {
  fmt::print("run of {}, seed {}\n{}\n", seen.started, seen.seed, seen.command);
  std::fflush(stdout);
}

int print_end(const std::string& folder) {
  const auto [summary, results] = Output::read(folder);
  const auto status = exit_status(summary);
  fmt::print("the run has ended, status {}; findings: {}; report: {}/report.html\n", status,
             summary.findings.size(), folder);
  return status;
}

int once(const Followed& seen, const std::string& folder) {
  print_begin(seen);
  fmt::print("{}\n", progress_line(seen.tally));
  for (const auto& doing : seen.tally.workers) fmt::print("  {}\n", doing.what);
  for (const auto& line : seen.failures) fmt::print("{}\n", line);
  if (seen.finished)
    print_end(folder);
  else if (!seen.written)
    fmt::print("nobody works on it: it ended early; `--resume` goes on with it\n");
  return 0;
}

}  // namespace

int watch(const WatchRequest& request) {
  Follower follower(request.folder);
  if (request.once) return once(follower.look(), request.folder);
  print_begin(follower.look());
  Display display(STDOUT_FILENO, false);
  std::set<std::string> said;
  bool unwritten = false;  // already at the last look: a run writes its end before it lets go
  while (true) {
    const auto& seen = follower.look();
    for (const auto& line : seen.failures)
      if (said.insert(line).second) display.say(line);
    if (seen.finished && !seen.written) {
      display.finish(seen.tally);
      return print_end(request.folder);
    }
    if (!seen.written && unwritten) {
      display.finish(seen.tally);
      fmt::print("nobody works on it: it ended early; `--resume` goes on with it\n");
      return 3;
    }
    unwritten = !seen.written;
    display.show(seen.tally);
    ::poll(nullptr, 0, kLookMs);
  }
}

}  // namespace migfuzz
