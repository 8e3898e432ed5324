// The guest `linux` as the harness sees it: the command line that boots it, its initramfs, what
// wakes it, and the pure functions of closed_form/model.h applied to where its pages lie.
#include "guests/linux/linux.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "guests/linux/ext2.h"
#include "guests/linux/initramfs.h"
#include "guests/linux/network.h"
#include "harness/core/cache_folder.h"
#include "harness/core/error.h"

extern "C" {
extern const std::byte migfuzz_linux_workload_begin[];  // defined in payload/embed.S
extern const std::byte migfuzz_linux_workload_end[];
}

namespace migfuzz {
namespace {

// Quiet and in a hurry: no console, no calibration, no self-tests, and a panic boots again while
// it is saved, and ends a restored VM. What is freed is cleared, and 8 MB of files about the
// kernel's tracing are left out: all of it would be saved, restored and migrated with every VM. The
// mailbox's memory is kept from the kernel (mailbox.h).
constexpr const char* kCommandLine =
    "console=none quiet tsc=reliable no_timer_check mitigations=off nokaslr random.trust_cpu=on "
    "cryptomgr.notests lpj=4000000 panic=-1 init_on_free=1 iomem=relaxed "
    "initcall_blacklist=tracer_init_tracefs lsm=none init_on_alloc=0 ipv6.disable=1 "
    "hardened_usercopy=off randomize_kstack_offset=off nowatchdog audit=0 cgroup_disable=memory "
    "cpuidle.off=1 nohz=off highres=off memmap={}${:#x} rdinit=/init";
// What boot.rst ("The real-mode kernel header") calls the setup, 40 sectors, and some more.
constexpr std::size_t kHeaderBytes = 64 << 10;
constexpr int kVcpus = 2;

std::vector<std::byte> read_file(const std::string& path, std::size_t bytes_most = SIZE_MAX) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) throw CannotRun(fmt::format("guest linux: cannot read {}", path));
  std::vector<char> text(std::min(static_cast<std::size_t>(file.tellg()), bytes_most));
  file.seekg(0).read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!file) throw CannotRun(fmt::format("guest linux: cannot read {}", path));
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

Bytes bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }

/// Where the pages lie according to an image; empty, with the reason, when it does not say.
struct Table {
  std::vector<std::uint64_t> gpas;
  std::string why;
};

Table table_in(Bytes ram) {
  if (ram.size() < LINUX_CONTROL_GPA + LINUX_CONTROL_BYTES)
    return {{}, fmt::format("the image ends before the mailbox: {} bytes", ram.size())};
  linux_mailbox mailbox{};
  std::memcpy(&mailbox, ram.data() + LINUX_MAILBOX_GPA, sizeof mailbox);
  if (mailbox.magic != LINUX_MAILBOX_MAGIC || mailbox.pages != LINUX_PAGES)
    return {{}, fmt::format("no mailbox: magic is {:#x}", mailbox.magic)};
  std::vector<std::uint64_t> gpas(LINUX_PAGES);
  std::memcpy(gpas.data(), ram.data() + LINUX_TABLE_GPA, LINUX_PAGES * sizeof gpas[0]);
  if (linux_table_hash(gpas.data(), LINUX_PAGES) != mailbox.table_hash)
    return {{}, "the table of pages is damaged: its hash is another"};
  for (const auto gpa : gpas)  // the hash vouches for them; this bounds what is read
    if (gpa % FORM_PAGE_BYTES != 0 || gpa > ram.size() - FORM_PAGE_BYTES)
      return {{}, fmt::format("the table of pages names {:#x}", gpa)};
  return {std::move(gpas), ""};
}

form::Shape model_shape(const GuestShape& shape, const std::vector<std::uint64_t>* gpas) {
  return {shape.seed,
          LINUX_PAGES,
          shape.dirty_pages_per_s,
          shape.disk_writes_per_s,
          {LINUX_CONTROL_GPA, 0, gpas}};
}

std::vector<std::string> machine_with(const std::string& kernel, const std::string& initrd) {
  // Devices that nobody here needs cost the kernel time to look for.
  return {
      "-machine", "hpet=off,vmport=off,smbus=off,i8042=off",
      "-smp",     std::to_string(kVcpus),
      "-kernel",  kernel,
      "-initrd",  initrd,
      "-append",  fmt::format(fmt::runtime(kCommandLine), LINUX_CONTROL_BYTES, LINUX_CONTROL_GPA)};
}

}  // namespace

Linux::Linux(std::string folder)
    : folder_(folder.empty() ? cache_folder() + "/linux" : std::move(folder)) {}

std::string_view Linux::summary() const {
  return "Debian's kernel on 2 vCPUs: a process's memory, a file on ext2, TCP and ping; restored";
}

std::string Linux::unavailable() const {
  if (std::filesystem::exists(folder_ + "/.complete")) return "";
  return fmt::format("guest linux: no kernel in {}; run scripts/fetch-linux", folder_);
}

std::vector<std::string> Linux::arguments(const GuestShape&, const std::string& payload) const {
  return machine_with(folder_ + "/vmlinuz", payload);
}

// A panic would boot again, and there is nothing to boot: QEMU ends instead, and says why.
std::vector<std::string> Linux::restored_arguments(const GuestShape&,
                                                   const std::string& payload) const {
  auto list = machine_with(payload, payload);
  list.push_back("-no-reboot");
  return list;
}

Bytes Linux::payload() const {
  if (!payload_.empty()) return payload_;
  if (const auto why = unavailable(); !why.empty()) throw CannotRun(why);
  Initramfs initramfs;
  for (const auto* folder : {"bin", "modules", "dev", "proc", "disk"}) initramfs.folder(folder);
  initramfs.program("init", Bytes(migfuzz_linux_workload_begin, migfuzz_linux_workload_end));
  initramfs.program("bin/busybox", read_file(folder_ + "/busybox"));
  std::ifstream order(folder_ + "/modules/order");
  std::string list;
  for (std::string name; std::getline(order, name);) {
    initramfs.file("modules/" + name, read_file(folder_ + "/modules/" + name));
    list += name + "\n";
  }
  initramfs.file("modules/order", bytes_of(list));
  payload_ = initramfs.finished();
  return payload_;
}

// For the same devices QEMU must take it for a kernel, by the header at its beginning.
Bytes Linux::restored_payload() const {
  if (restored_payload_.empty()) restored_payload_ = read_file(folder_ + "/vmlinuz", kHeaderBytes);
  return restored_payload_;
}

std::uint64_t Linux::payload_hash() const {
  if (!payload_hash_) payload_hash_ = Guest::payload_hash();
  return *payload_hash_;
}

bool Linux::waits(std::string_view text) const {
  if (text.starts_with("X ") && text.ends_with('\n'))
    throw InfraError(
        fmt::format("the guest linux could not begin: {}", text.substr(2, text.find('\n') - 2)));
  return text == "R\n";
}

int Linux::vcpus() const { return kVcpus; }

std::optional<GuestAddress> Linux::address() const {
  return GuestAddress{kGuestAddress, kGuestHardware, kGuestEchoPort};
}

std::optional<Guest::RamWrite> Linux::wake(const GuestShape& shape) const {
  const std::uint64_t words[] = {shape.seed, shape.dirty_pages_per_s, shape.disk_writes_per_s, 1};
  static_assert(offsetof(linux_mailbox, go) - offsetof(linux_mailbox, seed) ==
                sizeof words - sizeof words[0]);
  const auto bytes = std::as_bytes(std::span(words));
  return RamWrite{LINUX_MAILBOX_GPA + offsetof(linux_mailbox, seed), {bytes.begin(), bytes.end()}};
}

ImageExam Linux::examine(const GuestShape& shape, Bytes ram, std::uint64_t recorded_step) const {
  const auto table = table_in(ram);
  if (table.gpas.empty()) {
    ImageExam exam;
    exam.why = table.why;
    return exam;
  }
  return form::examine(model_shape(shape, &table.gpas), ram, recorded_step);
}

std::optional<GuestClock> Linux::clock(const GuestShape& shape, Bytes ram) const {
  return form::clock(model_shape(shape, nullptr).place, ram);
}

std::optional<Guest::StalePage> Linux::stale_page(const GuestShape& shape, Bytes ram) const {
  const auto table = table_in(ram);
  if (table.gpas.empty()) return std::nullopt;
  return form::stale_page(model_shape(shape, &table.gpas), ram);
}

bool Linux::owns(const GuestShape&, Bytes ram, std::uint64_t gpa) const {
  if (ram.size() < LINUX_TABLE_GPA + LINUX_PAGES * sizeof(std::uint64_t)) return false;
  const auto page = gpa / FORM_PAGE_BYTES * FORM_PAGE_BYTES;
  for (std::uint64_t i = 0; i < LINUX_PAGES; ++i) {
    std::uint64_t one = 0;
    std::memcpy(&one, ram.data() + LINUX_TABLE_GPA + i * sizeof one, sizeof one);
    if (one == page && one != 0) return true;
  }
  return false;
}

std::optional<Guest::RamWrite> Linux::notice(const GuestShape& shape) const {
  return form::notice(model_shape(shape, nullptr).place);
}

GuestRecords Linux::parse(const GuestShape& shape, std::string_view text) const {
  return form::parse(model_shape(shape, nullptr), text);
}

std::optional<std::string> Linux::disagreement(const GuestShape& shape, const ImageExam& exam,
                                               std::string_view text) const {
  return form::tail_disagrees(model_shape(shape, nullptr), exam, text);
}

DiskExam Linux::examine_disk(const GuestShape& shape, Bytes disk, std::string_view text,
                             const std::optional<ImageExam>& exam) const {
  const auto journal = read_ext2_file(disk, "journal");
  if (!journal.why.empty()) {
    DiskExam unreadable;
    unreadable.why = "the file `journal`: " + journal.why;
    return unreadable;
  }
  return form::examine_disk(model_shape(shape, nullptr), journal.bytes, text, exam);
}

std::optional<std::uint64_t> Linux::last_step(std::string_view tail) const {
  return form::last_step(tail);
}

std::unique_ptr<Guest> make_linux() { return std::make_unique<Linux>(); }

}  // namespace migfuzz
