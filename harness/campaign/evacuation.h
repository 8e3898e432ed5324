// An evacuation: all VMs of a plan leave one host, a few at a time, each with its own director.
//
// Each VM is a process of the worker's, with hosts, networks and a manager of its own; a board in
// shared memory says who migrates, and that a host was lost. A fault of a whole host strikes at its
// point in the VM in the middle and hits every other VM at that moment, whatever it does; any other
// fault hits the VM in the middle alone. The case's result is what became of all of them.
#pragma once

#include "harness/campaign/worker.h"

namespace migfuzz {

/// Of a plan with more than one VM. A VM whose process ends without a word makes the case `infra`.
/// The files of the VM in the middle have their usual names, those of VM N end in "-vm-N".
CaseRun run_evacuation(const Plan& plan, const Catalogs& catalogs, bool trace);

}  // namespace migfuzz
