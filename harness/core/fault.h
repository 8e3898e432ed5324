// FaultKind: one way in which a component can fail, and how to take it away again.
//
// A kind is a value that describes itself plus three functions on a World. inject() starts it,
// delivered() is asked until it has a proof (an effect that was observed, not only a call that was
// made), heal() undoes it and may be called at any time, more than once.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "harness/core/outcome.h"
#include "harness/core/plan.h"
#include "harness/core/world.h"

namespace migfuzz {

/// When the channel, which stands at the point while the fault is injected, flows again.
enum class Flow {
  at_delivery,   // once the effect is proved, whatever the side: it is met from the point on
  at_injection,  // once inject() has returned: the failure is met by moving bytes (at the heal,
                 // where the source's side is hit: its bytes past the point had not left it)
  freely,        // once inject() has returned, whichever side is hit: nothing is kept back
  at_heal,       // the standing channel is the failure
  never          // the fault has ended or cut the channel itself
};

/// What the proof of a fault needs; faults behind it in a plan wait for it or do not.
enum class Proof {
  while_held,  // it is there, or comes, while the channel stands at a later point
  by_flow,     // many bytes or packets have to cross its point
  at_end       // a word or a decision that comes only towards the migration's end
};

struct FaultKind {
  std::string_view name;
  std::string_view summary;              // one line: what fails and what the peers see
  std::string_view component;            // "qemu", "network", "arbiter", …: what it hits
  Effect effect = Effect::loses_host;    // what it amounts to: the key of the expected outcomes
  bool active = true;                    // active: does something; passive: stops doing something
  std::vector<Side> sides;               // where it can hit
  Transport transport = Transport::tcp;  // the transport that shows it best
  bool needs_tcp = false;                // a network or TCP effect: has no meaning on AF_UNIX
  std::uint32_t heal_after_ms = 0;       // default; 0: stays
  bool must_heal = false;                // a plan that leaves it unhealed is refused
  /// A capability of the machine that it needs ("nftables", "netem"); empty: none.
  std::string_view needs;
  /// Beginning of the name of a feature ("tls") that a plan's mode must have; empty: any mode.
  std::string_view mode_needs;
  std::uint32_t patience_ms = 0;  // least patience of the arbiter with it; 0: the plan's default
  Flow flow = Flow::at_injection;
  Proof proof = Proof::while_held;
  /// What a search draws for FaultSpec::parameter besides 0; both 0: nothing.
  std::uint64_t parameter_least = 0, parameter_most = 0;
  bool cells_draw_parameter = false;  // the cells draw it, too
  /// Injected before the migration starts and acts on the first page record behind its point; the
  /// channel is never held. Only points with page records behind them can have it.
  bool acts_on_page = false;
  /// The disks that it can hit, space-separated; the first one is taken where a plan has another.
  /// Empty: any.
  std::string_view disk;
  /// Hits one channel of several by itself (FaultSpec::channel), and leaves the others alone.
  bool per_channel = false;
  /// What it hits goes from the destination to the source: no mode without a return path has it.
  bool needs_return_path = false;
  /// It needs one disk that both hosts open: no mode that mirrors the disk has one.
  bool shared_disk = false;
  /// Injected before the hosts are started: a host that is set up wrongly. Nothing is ever held.
  bool before_start = false;
  /// It is a device of the VM, which has to boot with it.
  bool boots_with = false;
  /// It takes from the CPU what several of them always have.
  bool one_cpu = false;
  /// It hits the network on which clients see the VM: no guest without one has it.
  bool guest_network = false;
  /// What it has done to the source stays: no later migration of this VM can succeed.
  bool for_good = false;
  /// What a cell of phase `recover` begins with: it leaves a post-copy without a channel.
  bool opens_recovery = false;
  bool kills = false;       // ends the process of its side: such an end is the plan's
  std::string_view colour;  // for reports, "#rrggbb"
  /// What a plain script does instead, without root or a network of its own: kill, freeze, quit,
  /// cancel, yank, stall, or reset or close and towards whom ("reset source", "close both"; see
  /// harness/campaign/reproduce.py). Empty: no plain script can do it.
  std::string_view by_hand;

  /// Why it has no meaning at that point on that side, in one clause; empty: it has one.
  std::function<std::string(const Trigger&, Side)> excluded = [](const Trigger&, Side) {
    return std::string();
  };
  std::function<void(World&, const FaultSpec&)> inject;
  /// The proof, one line, once there is one.
  std::function<std::optional<std::string>(World&, const FaultSpec&)> delivered;
  std::function<void(World&, const FaultSpec&)> heal;
  /// After the heal: what it had hit is back, so that a fault of its component may strike there.
  std::function<bool(World&, const FaultSpec&)> over = [](World&, const FaultSpec&) {
    return true;
  };
};

/// The hosts whose storage a fault of that side hits: Side::channel stands for what both share.
inline std::vector<Side> hosts_hit(Side side) {
  if (side == Side::channel) return {Side::source, Side::destination};
  return {side};
}
/// Why a fault of that kind at that point cannot name that channel, in one clause; empty: it can.
/// At a point of a side channel every kind names it, because that channel stands there; at others
/// it is the main channel that stands, while the fault hits the one that it names.
std::string excluded_on(const std::string& channel, const FaultKind& kind, const Trigger& trigger);
/// The channel that stands at the fault's point: its own side channel, or the main one.
inline std::string standing_channel(const FaultSpec& spec) {
  return on_side_channel(spec.trigger.point) ? spec.channel : "";
}
/// The fault hits another channel than the one that stands at its point.
inline bool hits_elsewhere(const FaultSpec& spec) {
  return standing_channel(spec) != spec.channel;
}
/// `disk` where the kind can hit it, otherwise the first one that it can.
std::string_view disk_for(const FaultKind& kind, std::string_view disk);
/// Why it has no meaning in a mode of that name, in one clause; empty: it has one.
std::string excluded_in(std::string_view mode, const FaultKind& kind);

}  // namespace migfuzz
