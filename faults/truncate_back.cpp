// truncate-back: FIN to the source at the point; what the destination still says vanishes.
//
// Done by the relay: the source sees its return path end; the way to the destination stays whole.
// Proof: the source's socket has seen the end (it is no longer plainly established), read from its
// kernel. Never healed.
#include <fmt/format.h>

#include "faults/catalog.h"
#include "faults/where.h"

namespace migfuzz {

FaultKind make_truncate_back() {
  FaultKind kind;
  kind.name = "truncate-back";
  kind.summary = "FIN to the source at the point; what the destination still says vanishes";
  kind.component = "channel";
  kind.sides = {Side::channel};
  kind.transport = Transport::tcp;
  kind.needs_tcp = true;
  kind.flow = Flow::never;
  kind.effect = Effect::cuts_return;
  kind.excluded = needs_words_behind;
  kind.colour = "#26a69a";
  kind.by_hand = "close source";
  kind.per_channel = true;
  kind.needs_return_path = true;
  kind.inject = [](World& world, const FaultSpec& spec) {
    world.cut(Cut::close, Side::source, spec.channel);
  };
  kind.delivered = [](World& world, const FaultSpec& spec) -> std::optional<std::string> {
    if (!world.cut_seen(Side::source, spec.channel)) return std::nullopt;
    return fmt::format("the source has seen the end of its return path; {} bytes were forwarded",
                       world.channel(spec.channel).forwarded);
  };
  kind.heal = [](World&, const FaultSpec&) {};
  return kind;
}

}  // namespace migfuzz
