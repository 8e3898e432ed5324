// tls-wrong: one host has another secret (PSK), or a certificate of an authority that nobody knows.
//
// The other host must refuse it in the handshake. Proof and heal: tls.h.
#include "faults/tls.h"

namespace migfuzz {

FaultKind make_tls_wrong() {
  auto kind = distrust_kind(Distrust::wrong);
  kind.name = "tls-wrong";
  kind.summary = "one host's credentials are not those that the other one trusts";
  kind.colour = "#8a5a2b";
  return kind;
}

}  // namespace migfuzz
