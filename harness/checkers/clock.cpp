// clock: guest time never goes back over a switch, and never runs ahead of real time.
//
// The guest looks at its clocks at each record and keeps what it saw; the director reads that at
// three moments: before the migration, before the destination first runs, and when the survivor
// stands still. Between two looks at one line of the guest's life its clock may advance by at most
// the real time between them (QEMU stops it over the blackout, so it lags; nothing may make it
// jump). A look shows the last record and not the moment itself. How old that was is seen by the
// guest's heartbeats: what passed from the last one to the stop of its host, or to the look where
// nobody stopped it, is allowed on top. A guest that is starved before the switch-over (seen: for
// 610 ms) had real time to run in, though it wrote nothing. kSlackMs is for a record that the
// harness was late to read: five times the most that was seen (79 ms in 122 migrations on two
// cores under a load of 18).
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "harness/checkers/catalog.h"

namespace migfuzz {
namespace {

constexpr double kSlackMs = 400;

double ms(double ns) { return ns / 1e6; }

// From the last heartbeat before that look to where the guest stopped, or to the look.
std::int64_t unrecorded_ns(const History& history, const ClockReading& look) {
  std::int64_t beat = look.at_ns, until = look.at_ns;
  for (const auto& event : history.events()) {
    if (event.at_ns > look.at_ns) break;
    if (event.kind == "heartbeat")
      beat = event.at_ns, until = look.at_ns;
    else if (event.kind == "qmp-event" && event.name == "STOP")
      until = std::min(until, event.at_ns);
  }
  return std::max<std::int64_t>(until - beat, 0);
}

class ClockChecker final : public Checker {
 public:
  std::string_view name() const override { return "clock"; }
  std::string_view claim() const override {
    return "guest time never goes back and never runs ahead of real time";
  }

  std::vector<Finding> check(const Plan&, const History& history,
                             const Evidence& e) const override {
    double ahead_ms = -std::numeric_limits<double>::infinity();
    std::size_t compared = 0;
    for (std::size_t i = 1; i < e.clock.size(); ++i) {
      const auto* before = look_before(e, i);
      if (before == nullptr) continue;
      const auto& now = e.clock[i];
      ++compared;
      const double real = ms(double(now.at_ns - before->at_ns + unrecorded_ns(history, *before)));
      if (auto finding = judge(e, *before, now, real)) return {*finding};
      const double guest = ms(double(now.guest.ns - before->guest.ns));
      ahead_ms = std::max(ahead_ms, guest - real);
    }
    for (const auto& look : e.clock)
      if (look.guest.went_back > 0)
        return {broken(e, "clock-went-back",
                       fmt::format("the guest itself saw it go back {} times, told by the {}",
                                   look.guest.went_back, look.host))};
    if (compared == 0 && survivor_of(e) == Survivor::none)
      return {checkers::good(name(), "nobody is left to tell the time")};
    if (compared == 0 && !e.settled)
      return {checkers::good(name(), "nothing has settled: nobody was asked twice")};
    if (compared == 0)
      return {
          {std::string(name()), Verdict::infra, "no second look at the clock", "no-reading", ""}};
    return {checkers::good(
        name(), fmt::format("{} stretches; the guest's time less the real time at most {:+.1f} ms",
                            compared, ahead_ms))};
  }

 private:
  std::optional<Finding> judge(const Evidence& e, const ClockReading& before,
                               const ClockReading& now, double real) const {
    if (now.guest.ns < before.guest.ns)
      return broken(e, "clock-went-back",
                    fmt::format("{:.1f} ms earlier on the {} than before on the {}",
                                ms(double(before.guest.ns - now.guest.ns)), now.host, before.host));
    const double guest = ms(double(now.guest.ns - before.guest.ns));
    if (guest <= real + kSlackMs) return std::nullopt;
    return broken(e, "clock-jumped",
                  fmt::format("{:.1f} ms passed for the guest in {:.1f} ms up to a look at the {}",
                              guest, real, now.host));
  }

  // The look that this one continues: the last one at the same host, else at the source.
  static const ClockReading* look_before(const Evidence& e, std::size_t i) {
    for (const auto& host : {e.clock[i].host, std::string("source")})
      for (auto k = i; k-- > 0;)
        if (e.clock[k].host == host) return &e.clock[k];
    return nullptr;
  }

  Finding broken(const Evidence& e, std::string symptom, const std::string& what) const {
    if (e.expected.expect == Expect::double_run)
      return {std::string(name()), Verdict::hazard, "the guest's clock: " + what, "double-run",
              std::string(e.expected.reason)};
    return checkers::broken(name(), std::move(symptom), "the guest's clock: " + what);
  }
};

}  // namespace

std::unique_ptr<Checker> make_clock() { return std::make_unique<ClockChecker>(); }

}  // namespace migfuzz
