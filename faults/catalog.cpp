#include "faults/catalog.h"

namespace migfuzz {

std::vector<FaultKind> all_faults() {
  return {make_crash(),
          make_host_crash(),
          make_hang(),
          make_reset(),
          make_close(),
          make_truncate(),
          make_stall(),
          make_port_disabled(),
          make_link_down(),
          make_corrupt(),
          make_mgmt_close(),
          make_mgmt_silence(),
          make_cancel(),
          make_yank(),
          make_quit(),
          make_host_hang(),
          make_no_listener(),
          make_mismatch_ram(),
          make_mismatch_machine(),
          make_mismatch_devices(),
          make_mismatch_cpu()};
}

}  // namespace migfuzz
