// What the kinds share whose host has credentials that the other one must not trust.
//
// Nothing is done to the migration: the failure shows in the TLS handshake, before the first byte
// of the stream. Authority, keys and certificates are the case's own (harness/io/credentials.h).
// A retry of the case gives the host its good ones.
// Proof: the source's migration has failed, and one of both QEMUs says why in words about TLS, or
// the destination says that it got no stream of its kind (the source spoke TLS to a plain port).
#pragma once

#include <fmt/format.h>

#include "faults/catalog.h"
#include "faults/where.h"

namespace migfuzz {

/// The line of `text` that has `word`.
inline std::optional<std::string> line_with(const std::string& text, std::string_view word) {
  const auto found = text.find(word);
  if (found == text.npos) return std::nullopt;
  const auto begin = text.rfind('\n', found);
  const auto from = begin == text.npos ? 0 : begin + 1;
  return text.substr(from, text.find('\n', found) - from);
}

inline FaultKind distrust_kind(Distrust how) {
  FaultKind kind;
  kind.component = "management";
  kind.effect = Effect::refuses_migration;
  kind.sides = {Side::source, Side::destination};
  kind.transport = Transport::tcp;
  kind.flow = Flow::never;
  kind.before_start = true;
  kind.mode_needs = "tls";
  kind.excluded = only_before_start;
  kind.inject = [how](World& world, const FaultSpec& spec) { world.distrust(spec.side, how); };
  kind.delivered = [](World& world, const FaultSpec&) -> std::optional<std::string> {
    const auto sight = world.sight(Side::source);
    if (sight.migration != MigrationStatus::failed) return std::nullopt;
    // The words that say most come first.
    for (const auto* word : {"ertificate", "TLS handshake failed", "Not a migration stream"}) {
      if (const auto line = line_with(world.messages(Side::destination), word))
        return fmt::format("the destination printed: {}", *line);
      if (const auto line = line_with(sight.error, word))
        return fmt::format("the source reports: {}", *line);
    }
    return std::nullopt;
  };
  kind.heal = [](World&, const FaultSpec&) {};
  return kind;
}

}  // namespace migfuzz
