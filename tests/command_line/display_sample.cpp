// Shows a made-up run the way a real one is shown, for display_test.py: two seconds and a half of
// cases, two findings on the way. Writes to standard error; SECONDS may be given.
#include <poll.h>
#include <unistd.h>

#include <cstdlib>

#include "harness/campaign/display.h"

int main(int argc, char** argv) {
  using namespace migfuzz;
  const Milliseconds whole(argc > 1 ? 1000 * std::atoi(argv[1]) : 2500);
  Display display(STDERR_FILENO, argc > 2);
  const auto start = Clock::now();
  Tally tally;
  tally.total = 200;
  display.say("seed 1");
  for (auto past = Clock::duration(0); past < whole; past = Clock::now() - start) {
    tally.done = static_cast<std::size_t>(past / Milliseconds(20));
    tally.elapsed = past;
    tally.verdicts[Verdict::pass] = tally.done;
    tally.workers = {{"stopcopy-enter-crash-source-handshake-be27fafd", past},
                     {"commit-eof-stall-channel-autostart-0c27fafd", past}};
    if (tally.verdicts[Verdict::fail] == 0 && past > Milliseconds(700)) {
      tally.verdicts[Verdict::fail] = tally.signatures = 1;
      display.say("fail  a-case  memory: a page is stale");
    }
    display.show(tally);
    ::poll(nullptr, 0, 20);
  }
  display.finish(tally);
  return 0;
}
