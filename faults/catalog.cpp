#include "faults/catalog.h"

namespace migfuzz {

std::vector<FaultKind> all_faults() {
  // clang-format off: one line each, by what fails
  return {
      make_crash(),
      make_host_crash(),
      make_quit(),
      make_hang(),
      make_host_hang(),
      make_reset(),
      make_reset_source(),
      make_reset_destination(),
      make_close(),
      make_truncate(),
      make_truncate_back(),
      make_stall(),
      make_stall_back(),
      make_ack_withheld(),
      make_slow(),
      make_delay(),
      make_link_down(),
      make_port_disabled(),
      make_drop(),
      make_drop_out(),
      make_drop_in(),
      make_mtu_hole(),
      make_loss(),
      make_rate(),
      make_netem(),
      make_reject(),
      make_socket_destroy(),
      make_mgmt_close(),
      make_mgmt_silence(),
      make_cancel(),
      make_yank(),
      make_io_error(),
      make_io_hang(),
      make_storage_crash(),
      make_lock_conflict(),
      make_no_listener(),
      make_mismatch_ram(),
      make_mismatch_machine(),
      make_mismatch_devices(),
      make_mismatch_cpu(),
      make_tls_wrong(),
      make_tls_expired(),
      make_tls_missing(),
      make_stranger(),
      make_arbiter_crash(),
      make_arbiter_pause(),
      make_corrupt(),
      make_corrupt_frame(),
      make_corrupt_record(),
  };
  // clang-format on
}

}  // namespace migfuzz
