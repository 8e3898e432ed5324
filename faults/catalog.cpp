#include "faults/catalog.h"

namespace migfuzz {

std::vector<FaultKind> all_faults() {
  return {make_crash(),         make_host_crash(),   make_hang(),     make_reset(),
          make_close(),         make_truncate(),     make_stall(),    make_port_disabled(),
          make_link_down(),     make_corrupt(),      make_io_error(), make_io_hang(),
          make_storage_crash(), make_lock_conflict()};
}

}  // namespace migfuzz
