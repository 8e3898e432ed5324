// tls-missing: one host has nothing to show.
//
// A client without a certificate, a server that does not know the client's key. Where QEMU does not
// start without (a client's key, a server's certificate), the host speaks no TLS at all: a plain
// source at a TLS port, a TLS source at a plain port. Proof and heal: tls.h.
#include "faults/tls.h"

namespace migfuzz {

FaultKind make_tls_missing() {
  auto kind = distrust_kind(Distrust::missing);
  kind.name = "tls-missing";
  kind.summary = "one host has no credentials: the other one must refuse it";
  kind.colour = "#6d4c2f";
  return kind;
}

}  // namespace migfuzz
