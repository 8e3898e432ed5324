// mismatch-cpu: the destination's CPU lacks the APIC (parameter 0) or is another model (1).
//
// CPU models differ in what a guest may use; the stream carries the registers, and QEMU's loader
// compares no features. Only a feature with a section of its own is refused, as the APIC is; QEMU
// gives one to each of several vCPUs, asked for or not (x86_cpu_realizefn).
// Proof and heal: mismatch.h.
#include "faults/mismatch.h"

namespace migfuzz {

FaultKind make_mismatch_cpu() {
  auto kind = mismatch_kind(Mismatch::cpu, "Unknown savevm section");
  kind.name = "mismatch-cpu";
  kind.one_cpu = true;
  kind.summary = "the destination's CPU has no APIC: it refuses the APIC's section";
  kind.colour = "#a06a86";
  return kind;
}

}  // namespace migfuzz
