// SPDX-License-Identifier: GPL-2.0-or-later
//
// The guest `linux`: process 1 of a Linux of its own, and its only service. It loads the virtio
// modules, makes a file system on the disk, answers on the network, and rewrites its memory by the
// closed form (closed_form/engine.h) at a steady rate, like `tiny` but as an ordinary process: the
// pages are anonymous memory, the clock is the kernel's, the journal is a file that is written and
// fdatasync()ed by a thread of its own, the debug console is a port that the kernel lets it use.
//
// Once everything is set up it waits (mailbox.h) for the numbers of a plan. Static, no arguments;
// what goes wrong before that is said on the debug console as a line "X <words>", and the machine
// is powered off: a guest that cannot begin must not look like one that hangs.
#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <sys/epoll.h>
#include <sys/io.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include "guests/linux/mailbox.h"
#include "guests/linux/network.h"

namespace {

constexpr unsigned short kDebugPort = 0xe9;
constexpr const char* kJournal = "/disk/journal";

// --- what the engine needs -----------------------------------------------------------------------

volatile form_control* control = nullptr;
volatile linux_mailbox* mailbox = nullptr;
volatile std::uint64_t* owned = nullptr;  // the pages, in order, wherever they lie physically

volatile std::uint64_t* page_words(std::uint64_t page) { return owned + page * FORM_PAGE_WORDS; }

void emit(const volatile char* from, std::uint64_t count) {
  __asm__ volatile("cld; rep outsb" : "+S"(from), "+c"(count) : "d"(kDebugPort) : "memory");
}

std::uint64_t clock_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1000000000 +
         static_cast<std::uint64_t>(now.tv_nsec);
}

// The one request under way, handed to the disk's thread and back.
struct Disk {
  int fd = -1;
  std::uint32_t type = 0;
  std::uint64_t slot = 0;
  alignas(FORM_SECTOR_BYTES) std::uint64_t sector[FORM_SECTOR_WORDS] = {};
  std::uint8_t status = 0;
  std::atomic<bool> done{true};
  sem_t given;
} disk;

volatile std::uint64_t* const disk_sector = disk.sector;

void disk_submit(std::uint32_t type, std::uint64_t slot) {
  disk.type = type;
  disk.slot = slot;
  disk.done.store(false);
  ::sem_post(&disk.given);
}
int disk_is_done() { return disk.done.load() ? 1 : 0; }
std::uint8_t disk_status() { return disk.status; }

#include "guests/closed_form/engine.h"

static_assert(LINUX_CONTROL_GPA + sizeof(form_control) <= LINUX_MAILBOX_GPA);
static_assert(LINUX_MAILBOX_GPA + sizeof(linux_mailbox) <= LINUX_TABLE_GPA);
static_assert(LINUX_TABLE_GPA + LINUX_PAGES * 8 <= LINUX_CONTROL_GPA + LINUX_CONTROL_BYTES);

// --- setting up ----------------------------------------------------------------------------------

[[noreturn]] void give_up(const char* what) {
  char line[160];
  const int size = std::snprintf(line, sizeof line, "X %s: %s\n", what, std::strerror(errno));
  emit(line, static_cast<std::uint64_t>(size));
  ::sync();
  ::reboot(RB_POWER_OFF);
  for (;;) ::pause();
}

void need(bool good, const char* what) {
  if (!good) give_up(what);
}

void tell_kernel(const char* file, const char* word) {
  const int fd = ::open(file, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return;  // not in this kernel
  [[maybe_unused]] const auto written = ::write(fd, word, std::strlen(word));
  ::close(fd);
}

void load_modules() {
  std::FILE* const list = std::fopen("/modules/order", "re");
  need(list != nullptr, "/modules/order");
  char name[128];
  while (std::fscanf(list, "%127s", name) == 1) {
    char path[160];
    std::snprintf(path, sizeof path, "/modules/%s", name);
    const int fd = ::open(path, O_RDONLY | O_CLOEXEC);
    need(fd >= 0, path);
    need(::syscall(SYS_finit_module, fd, "", 0) == 0 || errno == EEXIST, path);
    ::close(fd);
  }
  std::fclose(list);
}

void run(const char* const* words) {
  const pid_t child = ::fork();
  need(child >= 0, "fork");
  if (child == 0) {
    ::execv(words[0], const_cast<char* const*>(words));
    ::_exit(127);
  }
  int status = 0;
  need(::waitpid(child, &status, 0) == child, "waitpid");
  errno = 0;
  need(WIFEXITED(status) && WEXITSTATUS(status) == 0, words[0]);
}

// A file, or a folder of files.
void remove_all(const char* path) {
  if (DIR* const folder = ::opendir(path)) {
    while (const dirent* entry = ::readdir(folder)) {
      char file[300];
      std::snprintf(file, sizeof file, "%s/%s", path, entry->d_name);
      ::unlink(file);
    }
    ::closedir(folder);
  }
  ::unlink(path);
}

void wait_for(const char* file) {
  for (int i = 0; i < 5000; ++i) {
    if (::access(file, F_OK) == 0) return;
    ::usleep(1000);
  }
  give_up(file);
}

// A file system on the whole disk, and on it the journal with all its blocks.
void prepare_disk() {
  wait_for("/dev/vda");
  const char* const make[] = {"/bin/busybox", "mke2fs", "-b", "4096", "-m", "0", "/dev/vda",
                              nullptr};
  run(make);
  ::mkdir("/disk", 0755);
  need(::mount("/dev/vda", "/disk", "ext4", MS_NOATIME, "") == 0, "mount /dev/vda");
  disk.fd = ::open(kJournal, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  need(disk.fd >= 0, kJournal);
  static const char zeros[FORM_SECTOR_BYTES] = {};
  for (int i = 0; i < FORM_JOURNAL_SLOTS; ++i)
    need(::write(disk.fd, zeros, sizeof zeros) == sizeof zeros, "write to the journal");
  need(::fsync(disk.fd) == 0, "fsync of the journal");
  ::sync();
}

void set_address(int fd, ifreq& request, unsigned long what, const char* address) {
  auto* const at = reinterpret_cast<sockaddr_in*>(&request.ifr_addr);
  *at = {};
  at->sin_family = AF_INET;
  need(::inet_pton(AF_INET, address, &at->sin_addr) == 1, address);
  need(::ioctl(fd, what, &request) == 0, address);
}

void raise_interface(const char* name, const char* address, const char* mask) {
  const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  ifreq request{};
  std::strncpy(request.ifr_name, name, IFNAMSIZ - 1);
  set_address(fd, request, SIOCSIFADDR, address);
  set_address(fd, request, SIOCSIFNETMASK, mask);
  need(::ioctl(fd, SIOCGIFFLAGS, &request) == 0, name);
  request.ifr_flags = static_cast<short>(request.ifr_flags | IFF_UP | IFF_RUNNING);
  need(::ioctl(fd, SIOCSIFFLAGS, &request) == 0, name);
  ::close(fd);
}

std::uint64_t gpa_of(const volatile void* address) {
  static const int pagemap = ::open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
  std::uint64_t entry = 0;
  const auto page = reinterpret_cast<std::uintptr_t>(address) / FORM_PAGE_BYTES;
  need(::pread(pagemap, &entry, sizeof entry, static_cast<off_t>(page * sizeof entry)) ==
           sizeof entry,
       "/proc/self/pagemap");
  errno = ENOMEM;
  const std::uint64_t frame = entry & ((std::uint64_t{1} << 55) - 1);  // pagemap.rst: bits 0-54
  need((entry >> 63) != 0 && frame != 0, "a page that is not there");
  return frame * FORM_PAGE_BYTES;
}

// Memory that stays where it is: touched, locked, in small pages, and nobody compacts it.
std::uint64_t* fixed_memory(std::uint64_t pages) {
  void* const memory = ::mmap(nullptr, pages * FORM_PAGE_BYTES, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  need(memory != MAP_FAILED, "mmap");
  need(::madvise(memory, pages * FORM_PAGE_BYTES, MADV_NOHUGEPAGE) == 0, "madvise");
  need(::mlock(memory, pages * FORM_PAGE_BYTES) == 0, "mlock");
  std::memset(memory, 0, pages * FORM_PAGE_BYTES);
  return static_cast<std::uint64_t*>(memory);
}

void pin_to(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<unsigned>(cpu), &set);
  ::sched_setaffinity(0, sizeof set, &set);  // a guest of one vCPU has no second
}

// What the boot has left in memory would be saved, restored and migrated with every VM. The kernel
// clears what is freed (init_on_free), but not what its loader had used: pages that were a
// process's are zero until somebody writes them again.
void clean_free_memory() {
  for (const char* file : {"/bin/busybox", "/modules"}) remove_all(file);
  std::FILE* const info = std::fopen("/proc/meminfo", "re");
  need(info != nullptr, "/proc/meminfo");
  unsigned long free_kib = 0;
  char line[128];
  while (std::fgets(line, sizeof line, info) != nullptr)
    if (std::sscanf(line, "MemFree: %lu kB", &free_kib) == 1) break;
  std::fclose(info);
  const std::size_t bytes = (free_kib - free_kib / 32) * 1024;  // not all: the kernel needs some
  void* const memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  need(memory != MAP_FAILED, "mmap of the free memory");
  ::munmap(memory, bytes);
}

// --- services ------------------------------------------------------------------------------------

void* serve_disk(void*) {
  for (;;) {
    while (::sem_wait(&disk.given) != 0) {
    }
    bool good = false;
    errno = EIO;  // what a write in part says
    if (disk.type == FORM_DISK_WRITE)
      good = ::pwrite(disk.fd, disk.sector, FORM_SECTOR_BYTES,
                      static_cast<off_t>(disk.slot * FORM_SECTOR_BYTES)) == FORM_SECTOR_BYTES;
    else
      good = ::fdatasync(disk.fd) == 0;
    disk.status = good ? FORM_DISK_OK : static_cast<std::uint8_t>(errno);
    disk.done.store(true);
  }
}

// Sends back what comes, to any number of clients.
void* serve_echo(void*) {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(kGuestEchoPort);
  const int one = 1;
  ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  need(::bind(listener, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0, "bind");
  need(::listen(listener, 16) == 0, "listen");
  const int poll = ::epoll_create1(EPOLL_CLOEXEC);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = listener;
  ::epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event);
  for (;;) {
    if (::epoll_wait(poll, &event, 1, -1) != 1) continue;
    if (event.data.fd == listener) {
      const int client = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
      if (client < 0) continue;
      ::setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
      event.events = EPOLLIN;
      event.data.fd = client;
      ::epoll_ctl(poll, EPOLL_CTL_ADD, client, &event);
      continue;
    }
    char bytes[2048];
    const auto count = ::read(event.data.fd, bytes, sizeof bytes);
    if (count <= 0 || ::write(event.data.fd, bytes, static_cast<std::size_t>(count)) != count)
      ::close(event.data.fd);
  }
}

void start(void* (*service)(void*)) {
  pthread_t thread{};
  errno = ::pthread_create(&thread, nullptr, service, nullptr);
  need(errno == 0, "pthread_create");
}

// --- life ----------------------------------------------------------------------------------------

void set_up() {
  need(::iopl(3) == 0, "iopl");
  ::mkdir("/dev", 0755);
  ::mkdir("/proc", 0755);
  need(::mount("devtmpfs", "/dev", "devtmpfs", 0, "") == 0 || errno == EBUSY, "mount /dev");
  need(::mount("proc", "/proc", "proc", 0, "") == 0, "mount /proc");
  tell_kernel("/proc/sys/vm/compact_unevictable_allowed", "0");
  tell_kernel("/proc/sys/vm/compaction_proactiveness", "0");
  tell_kernel("/proc/sys/kernel/sched_rt_runtime_us", "-1");
  tell_kernel("/proc/sys/kernel/panic", "-1");  // a panic resets: a restored VM ends
  ::prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
  load_modules();
  raise_interface("lo", "127.0.0.1", "255.0.0.0");
  raise_interface("eth0", kGuestAddress, kGuestNetmask);

  const int memory = ::open("/dev/mem", O_RDWR | O_CLOEXEC);
  need(memory >= 0, "open /dev/mem");
  void* const kept = ::mmap(nullptr, LINUX_CONTROL_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED,
                            memory, LINUX_CONTROL_GPA);
  need(kept != MAP_FAILED, "mmap /dev/mem");
  const auto at = [&](std::uint64_t gpa) {
    return static_cast<std::byte*>(kept) + (gpa - LINUX_CONTROL_GPA);
  };
  std::memset(kept, 0, LINUX_CONTROL_BYTES);
  control = reinterpret_cast<volatile form_control*>(at(LINUX_CONTROL_GPA));
  mailbox = reinterpret_cast<volatile linux_mailbox*>(at(LINUX_MAILBOX_GPA));
  owned = fixed_memory(LINUX_PAGES);
  auto* const table = reinterpret_cast<std::uint64_t*>(at(LINUX_TABLE_GPA));
  for (std::uint64_t i = 0; i < LINUX_PAGES; ++i) table[i] = gpa_of(page_words(i));
  mailbox->pages = LINUX_PAGES;
  mailbox->table_hash = linux_table_hash(table, LINUX_PAGES);
  need(::sem_init(&disk.given, 0, 0) == 0, "sem_init");
  prepare_disk();
  pin_to(0);
  start(serve_disk);
  start(serve_echo);
  pin_to(1);
  const sched_param priority{.sched_priority = 10};
  ::sched_setscheduler(0, SCHED_FIFO, &priority);
  clean_free_memory();
  barrier();
  mailbox->magic = LINUX_MAILBOX_MAGIC;
}

void wait_for_go() {
  constexpr char kReady[] = "R\n";
  emit(kReady, sizeof kReady - 1);
  while (mailbox->go == 0) ::usleep(1000);
}

}  // namespace

int main() {
  set_up();
  wait_for_go();
  form_begin(mailbox->seed, LINUX_PAGES, mailbox->rate_pages_per_s, 0);
  control->journal.writes_per_s = mailbox->disk_writes_per_s;
  form_boot();
  const std::uint64_t begun = clock_ns();
  timespec next{};
  ::clock_gettime(CLOCK_MONOTONIC, &next);
  for (;;) {
    next.tv_nsec += 1000000000 / FORM_TICKS_PER_S;
    if (next.tv_nsec >= 1000000000) {
      next.tv_nsec -= 1000000000;
      ++next.tv_sec;
    }
    ::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, nullptr);
    const std::uint64_t ticks = (clock_ns() - begun) / (1000000000 / FORM_TICKS_PER_S);
    if (ticks == control->ticks_handled) continue;
    if (ticks - control->ticks_handled > 100) ::clock_gettime(CLOCK_MONOTONIC, &next);
    form_turn(ticks_due(ticks));
  }
}
