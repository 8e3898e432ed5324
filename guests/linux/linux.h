// The guest `linux`: Debian's kernel with one process of ours, on two vCPUs.
//
// What a cloud's VM is made of and `tiny` is not: page tables, a scheduler, interrupts, virtio
// drivers with interrupts, a page cache and a file system, a TCP/IP stack. The workload is an
// ordinary process whose locked pages carry the closed form; its journal is a file on an ext2 file
// system that is written and fdatasync()ed; it echoes TCP on port 7 and answers pings. What it
// keeps where: mailbox.h; what it does: payload/workload.cpp.
//
// It takes seconds to boot (TCG: 3 to 5 s), so it is booted once and saved (hypervisors/saved_vm.h)
// and woken in every VM by wake(). The kernel is not ours: scripts/fetch-linux brings it from
// Debian; unavailable() says so when it has not. Limits: LINUX_PAGES owned pages; the accelerator
// and the machine type of a saved VM are those of the case.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "guests/closed_form/model.h"
#include "guests/linux/mailbox.h"
#include "harness/core/guest.h"

namespace migfuzz {

class Linux : public Guest {
 public:
  /// `folder`: what scripts/fetch-linux has made; empty: its default.
  explicit Linux(std::string folder = "");

  std::string_view name() const override { return "linux"; }
  std::string_view summary() const override;
  std::string unavailable() const override;
  std::uint64_t least_memory_bytes() const override { return std::uint64_t{72} << 20; }
  std::vector<std::string> arguments(const GuestShape& shape,
                                     const std::string& payload) const override;
  Bytes payload() const override;
  std::vector<std::string> restored_arguments(const GuestShape& shape,
                                              const std::string& payload) const override;
  Bytes restored_payload() const override;
  std::uint64_t payload_hash() const override;
  bool waits(std::string_view text) const override;
  int vcpus() const override;
  std::optional<GuestAddress> address() const override;
  std::optional<RamWrite> wake(const GuestShape& shape) const override;
  ImageExam examine(const GuestShape& shape, Bytes ram,
                    std::uint64_t recorded_step = 0) const override;
  std::optional<GuestClock> clock(const GuestShape& shape, Bytes ram) const override;
  std::optional<StalePage> stale_page(const GuestShape& shape, Bytes ram) const override;
  std::optional<RamWrite> notice(const GuestShape& shape) const override;
  bool owns(const GuestShape& shape, Bytes ram, std::uint64_t gpa) const override;
  GuestRecords parse(const GuestShape& shape, std::string_view text) const override;
  std::optional<std::string> disagreement(const GuestShape& shape, const ImageExam& exam,
                                          std::string_view text) const override;
  std::uint64_t disk_bytes() const override { return std::uint64_t{8} << 20; }
  DiskExam examine_disk(const GuestShape& shape, Bytes disk, std::string_view text,
                        const std::optional<ImageExam>& exam) const override;
  std::optional<std::uint64_t> last_step(std::string_view tail) const override;

 private:
  std::string folder_;
  mutable std::vector<std::byte> payload_, restored_payload_;  // once they were asked for
  mutable std::optional<std::uint64_t> payload_hash_;
};

std::unique_ptr<Guest> make_linux();

}  // namespace migfuzz
