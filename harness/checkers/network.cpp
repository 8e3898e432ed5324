// network: the VM's identity on the network moves with it, once, and its clients keep it.
//
// The switch tells which host has sent a frame in the VM's name, and when; that is a proof of one
// owner that needs no word of either QEMU. Nobody but the source may speak for the VM while that
// makes steps, and nobody but the destination once it has made one; an announcement (RARP) counts
// like any frame, for QEMU sends none before the VM runs there.
//
// The network is apart from that of the migration: a fault of that one must leave it alone.
// Where the VM survives it has to answer its client again, over the connection that was open
// before, and the switch has to know where it is. Lost pings and the longest gaps are measured.
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "harness/checkers/catalog.h"

namespace migfuzz {
namespace {

class Network final : public Checker {
 public:
  std::string_view name() const override { return "network"; }
  std::string_view claim() const override {
    return "one host at a time sends in the VM's name, and its clients keep it";
  }

  std::vector<Finding> check(const Plan&, const History& history,
                             const Evidence& e) const override {
    if (const auto* missing = history.first("director", "note", "no-guest-network"))
      return {checkers::good(name(),
                             "nobody watched: " + text_field(*missing, "why").value_or(""))};
    if (!e.network) return {checkers::good(name(), "the guest is on no network")};
    const auto& seen = *e.network;
    if (seen.client.echoes.answered == 0 || seen.frames.empty())
      return {{std::string(name()), Verdict::infra, "no client ever spoke with the VM", "no-client",
               ""}};
    if (seen.frames_lost > 0)
      return {{std::string(name()), Verdict::infra,
               fmt::format("whoever listened lost {} frames", seen.frames_lost), "frames-lost",
               ""}};
    if (auto finding = reached_by_another(history)) return {*finding};
    if (auto finding = two_senders(history, e)) return {*finding};
    if (!seen.unheard.empty())
      return {checkers::good(name(), seen.unheard + "; " + measured(seen))};
    const auto survivor = survivor_of(e);
    if (survivor == Survivor::none)
      return {checkers::good(name(), "nobody is left to answer; " + measured(seen))};
    if (!e.settled || survivor == Survivor::both)
      return {checkers::good(name(), "nothing has settled; " + measured(seen))};
    return {clients_keep(e, survivor == Survivor::source ? Side::source : Side::destination)};
  }

 private:
  // A fault of the migration's network that is one of the VM's, too, would be the harness's own.
  std::optional<Finding> reached_by_another(const History& history) const {
    for (const auto& event : history.events()) {
      if (event.kind != "fault") continue;
      if (text_field(event, "component") == "guest network") return std::nullopt;
      if (event.name != "delivered") continue;
      const auto seen = text_field(event, "vm_network").value_or("carries");
      if (seen != "carries")
        return Finding{std::string(name()), Verdict::infra,
                       fmt::format("{} has reached the VM's network: {}",
                                   text_field(event, "kind").value_or("a fault"), seen),
                       "network-not-apart", ""};
    }
    return std::nullopt;
  }

  Finding clients_keep(const Evidence& e, Side survivor) const {
    const auto& seen = *e.network;
    const auto bad = [&](std::string symptom, const std::string& what) {
      const auto all = fmt::format("{}; {}", what, measured(seen));
      // The destination may have run, unseen, and have spoken with the client.
      if (e.expected.expect == Expect::double_run)
        return Finding{std::string(name()), Verdict::hazard, all, std::move(symptom),
                       std::string(e.expected.reason)};
      return checkers::broken(name(), std::move(symptom), all);
    };
    if (!e.network->pinged_again)
      return bad("unreachable", fmt::format("the VM runs on the {} and answers no ping",
                                            to_string(survivor)));
    if (!seen.client.broken.empty())
      return bad("connection-lost", "the client's connection ended: " + seen.client.broken);
    if (!e.network->echoed_again)
      return bad("connection-stands-still", "the client's connection stands, and nothing comes");
    if (seen.place != survivor)
      return bad("wrong-port",
                 fmt::format("the switch looks for the VM at the {}, it runs on the {}",
                             seen.place ? to_string(*seen.place) : "(nobody)",
                             to_string(survivor)));
    return checkers::good(name(), measured(seen));
  }

  // Steps of both hosts are seen on the clock of the frames, late at times and never early. So what
  // the source sends behind the destination's first step is late, and what the destination sends
  // is early only where the source steps on for a good while around it.
  std::optional<Finding> two_senders(const History& history, const Evidence& e) const {
    std::vector<std::int64_t> source_beats;
    std::optional<std::int64_t> taken_over;
    for (const auto& event : history.events()) {
      if (event.kind == "retry") break;
      if (event.kind != "heartbeat") continue;
      if (event.actor == "source") source_beats.push_back(event.at_ns);
      if (event.actor == "destination" && !taken_over) taken_over = event.at_ns;
    }
    for (const auto& frame : e.network->frames) {
      const bool late = frame.from == Side::source && taken_over && frame.at_ns > *taken_over;
      const bool early = frame.from == Side::destination && steps_around(source_beats, frame.at_ns);
      if (!late && !early) continue;
      const auto what = fmt::format(
          "the {} sent a frame in the VM's name at {:.1f} ms, when {}", to_string(frame.from),
          double(frame.at_ns) / 1e6,
          late ? "the destination had made a step" : "the source went on stepping");
      if (e.expected.expect == Expect::double_run)
        return Finding{std::string(name()), Verdict::hazard, what, "two-senders",
                       std::string(e.expected.reason)};
      return checkers::broken(name(), "two-senders", what);
    }
    return std::nullopt;
  }

  static bool steps_around(const std::vector<std::int64_t>& beats, std::int64_t at) {
    constexpr std::int64_t kApart = 50'000'000;  // ns; a guest beats every 4 ms
    constexpr std::int64_t kGoesOn = 100'000'000;
    auto next = std::upper_bound(beats.begin(), beats.end(), at);
    if (next == beats.begin() || at - *(next - 1) > kApart) return false;
    for (auto last = *(next - 1); next != beats.end() && *next - last <= kApart; last = *next++)
      if (*next > at + kGoesOn) return true;
    return false;
  }

  static std::string measured(const NetworkEvidence& seen) {
    const auto ms = [](Clock::duration d) {
      return std::chrono::duration<double, std::milli>(d).count();
    };
    std::size_t announced[2] = {0, 0}, by_itself = 0;
    for (const auto& frame : seen.frames) {
      if (frame.kind == VmFrame::Kind::rarp) ++announced[frame.from == Side::source ? 0 : 1];
      if (frame.kind == VmFrame::Kind::gratuitous_arp) ++by_itself;
    }
    const auto& client = seen.client;
    return fmt::format(
        "{} of {} pings lost, longest gap {:.0f} ms; TCP gap {:.0f} ms; announced {} times by the "
        "source, {} by the destination, {} by the guest",
        client.pings.asked - std::min(client.pings.asked, client.pings.answered),
        client.pings.asked, ms(client.pings.longest_gap), ms(client.echoes.longest_gap),
        announced[0], announced[1], by_itself);
  }
};

}  // namespace

std::unique_ptr<Checker> make_network() { return std::make_unique<Network>(); }

}  // namespace migfuzz
