// tls-expired: the certificate of one host is one of the past.
//
// QEMU would not start with such a certificate; here its own check of it is off (sanity-check), as
// with a QEMU that has outlived its certificate, and its peer has to see it. A pre-shared key does
// not expire, so the mode is tls-x509. Proof and heal: tls.h.
#include "faults/tls.h"

namespace migfuzz {

FaultKind make_tls_expired() {
  auto kind = distrust_kind(Distrust::expired);
  kind.name = "tls-expired";
  kind.summary = "one host's certificate has expired: the other one must refuse it";
  kind.mode_needs = "tls-x509";
  kind.colour = "#a97c50";
  return kind;
}

}  // namespace migfuzz
