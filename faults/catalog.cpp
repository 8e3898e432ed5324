#include "faults/catalog.h"

namespace migfuzz {

std::vector<FaultKind> all_faults() {
  return {make_crash(),         make_host_crash(),    make_hang(),         make_reset(),
          make_close(),         make_truncate(),      make_stall(),        make_port_disabled(),
          make_link_down(),     make_corrupt(),       make_reset_source(), make_reset_destination(),
          make_truncate_back(), make_stall_back(),    make_ack_withheld(), make_slow(),
          make_delay(),         make_corrupt_frame(), make_reject(),       make_socket_destroy(),
          make_drop(),          make_drop_out(),      make_drop_in(),      make_mtu_hole(),
          make_loss(),          make_rate(),          make_netem()};
}

}  // namespace migfuzz
