// corrupt-record: one bit of the encrypted stream changes on the wire, at or behind the point.
//
// Whatever it is (a record's header, its ciphertext, its tag), the destination must end the session
// and load nothing of that record. `parameter` chooses it: which bit of the 1024 bytes behind the
// point; 0 is the first bit of the byte at the point.
// Proof: the changed byte has been forwarded. Heal: none.
// Limits: nobody between the hosts sees what a record says, so the end of the image is no point
// here; a plan that hits a record behind it by its number is judged as if it were before it.
#include <fmt/format.h>

#include "faults/catalog.h"
#include "faults/where.h"

namespace migfuzz {
namespace {

constexpr std::uint64_t kReachBits = 1024 * 8;

}  // namespace

FaultKind make_corrupt_record() {
  FaultKind kind;
  kind.name = "corrupt-record";
  kind.summary = "one bit of the encrypted stream changes on the wire: it must be refused";
  kind.component = "data";
  kind.effect = Effect::damages_record;
  kind.sides = {Side::channel};
  kind.transport = Transport::tcp;
  kind.mode_needs = "tls";
  kind.excluded = needs_stream_behind;
  kind.proof = Proof::by_flow;
  kind.parameter_most = kReachBits - 1;
  kind.cells_draw_parameter = true;
  kind.colour = "#d81b60";
  kind.inject = [](World& world, const FaultSpec& spec) {
    const auto bit = spec.parameter % kReachBits;
    world.corrupt_later_byte(bit / 8, static_cast<unsigned>(bit % 8));
  };
  kind.delivered = [](World& world, const FaultSpec&) -> std::optional<std::string> {
    const auto flip = world.frame_flip();
    if (!flip || !flip->forwarded) return std::nullopt;
    return fmt::format("byte {} of the channel went out as {:#04x}, it was {:#04x}", flip->offset,
                       flip->after, flip->before);
  };
  kind.heal = [](World&, const FaultSpec&) {};
  return kind;
}

}  // namespace migfuzz
