// Every kind of fault, one line each. Adding one: its file, its make_ here, its line in
// catalog.cpp.
#pragma once

#include <vector>

#include "harness/core/fault.h"

namespace migfuzz {

FaultKind make_crash();
FaultKind make_host_crash();
FaultKind make_hang();
FaultKind make_reset();
FaultKind make_close();
FaultKind make_truncate();
FaultKind make_stall();
FaultKind make_port_disabled();
FaultKind make_link_down();
FaultKind make_vm_link_down();
FaultKind make_arbiter_crash();
FaultKind make_arbiter_pause();
FaultKind make_corrupt();
FaultKind make_io_error();
FaultKind make_io_hang();
FaultKind make_storage_crash();
FaultKind make_lock_conflict();
FaultKind make_nbd_reset();
FaultKind make_nbd_stall();
FaultKind make_nbd_stop();
FaultKind make_disk_full();
FaultKind make_file_full();
FaultKind make_file_short();
FaultKind make_reset_source();
FaultKind make_reset_destination();
FaultKind make_truncate_back();
FaultKind make_stall_back();
FaultKind make_ack_withheld();
FaultKind make_slow();
FaultKind make_delay();
FaultKind make_corrupt_frame();
FaultKind make_reject();
FaultKind make_socket_destroy();
FaultKind make_drop();
FaultKind make_drop_out();
FaultKind make_drop_in();
FaultKind make_mtu_hole();
FaultKind make_loss();
FaultKind make_rate();
FaultKind make_netem();
FaultKind make_mgmt_close();
FaultKind make_mgmt_silence();
FaultKind make_cancel();
FaultKind make_yank();
FaultKind make_quit();
FaultKind make_host_hang();
FaultKind make_no_listener();
FaultKind make_tls_wrong();
FaultKind make_tls_expired();
FaultKind make_tls_missing();
FaultKind make_stranger();
FaultKind make_corrupt_record();
FaultKind make_corrupt_file();
FaultKind make_mismatch_ram();
FaultKind make_mismatch_machine();
FaultKind make_mismatch_devices();
FaultKind make_mismatch_cpu();
FaultKind make_unmovable_device();

std::vector<FaultKind> all_faults();

}  // namespace migfuzz
