#include "harness/hypervisors/qemu_host.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "harness/core/error.h"
#include "harness/hypervisors/tracing.h"
#include "harness/io/stacks.h"

namespace migfuzz {

namespace {

constexpr int kAnnouncements = 5;  // QEMU's default of announce-rounds

void announce(io::Qmp& monitor, int rounds, Clock::time_point deadline) {
  monitor.call("migrate-set-parameters", {{"announce-rounds", rounds}}, deadline);
}

std::string actor_of(const QemuHostSpec& spec) {
  return spec.actor.empty() ? std::string(to_string(spec.side)) : spec.actor;
}

std::shared_ptr<io::MemoryFile> make_ram(History& history, const QemuHostSpec& spec) {
  auto made = io::make_ram_file(spec.shape.memory_bytes, spec.ram_pages);
  history.add(actor_of(spec), "note", "ram",
              {{"what", made.pages == io::RamPages::large ? "tmpfs, huge=within_size" : "memfd"}});
  return std::move(made.file);
}

}  // namespace

std::shared_ptr<io::MemoryFile> payload_of(const Guest& guest, bool restored) {
  auto file = std::make_shared<io::MemoryFile>("payload");
  file->write(restored ? guest.restored_payload() : guest.payload());
  return file;
}

std::string default_qemu_binary() { return "qemu-system-x86_64"; }

void misconfigure(QemuHostSpec& spec, Mismatch what, bool more) {
  constexpr std::uint64_t kRamBytes = 1 << 20;  // keeps the remainder that memory-size.md speaks of
  switch (what) {
    case Mismatch::ram:
      spec.shape.memory_bytes += more ? kRamBytes : -kRamBytes;
      return;
    case Mismatch::machine:
      // Two old versions that every QEMU from 7.2 to 10.0 knows; the source's is the plan's.
      spec.machine = spec.machine == "pc-i440fx-7.1" ? "pc-i440fx-7.0" : "pc-i440fx-7.1";
      return;
    case Mismatch::devices:
      spec.network_device = more;
      if (more) spec.more_arguments = {"-device", "i6300esb"};
      return;
    case Mismatch::cpu:
      // Without an APIC the CPU lacks a section of the stream; another model has the same sections.
      spec.more_arguments = {"-cpu", more ? "Nehalem" : "qemu64,-apic"};
      return;
    case Mismatch::unmovable_device:
      // Its state cannot be saved (nvme_vmstate, unmigratable, in hw/nvme/ctrl.c of 7.2 to 10.0).
      spec.more_arguments = {"-device", "nvme,serial=migfuzz"};
      return;
  }
}

struct QemuHost::State {
  State(io::Loop& loop_, const QemuHostSpec& spec_, History& history_,
        std::function<void()> changed_)
      : loop(loop_),
        spec(spec_),
        history(history_),
        changed(std::move(changed_)),
        ram_file(spec_.ram ? spec_.ram
                           : make_ram(history_, spec_)),
        ram(ram_file->fd(), spec_.shape.memory_bytes),
        evidence("evidence"),
        output("output"),
        payload(spec_.payload ? spec_.payload : payload_of(*spec_.guest, spec_.restored)) {
    if (spec.trace) tracing.emplace();
  }

  io::Loop& loop;
  QemuHostSpec spec;
  History& history;
  std::function<void()> changed;
  std::shared_ptr<io::MemoryFile> ram_file;
  io::Mapping ram;
  io::MemoryFile evidence, output;
  std::shared_ptr<io::MemoryFile> payload;
  std::optional<Tracing> tracing;
  std::unique_ptr<io::Child> child;
  std::unique_ptr<Management> management;
  Sight seen;
  bool status_asked = false, migration_asked = false, ask_again = false;
  Clock::time_point last_answer;
  bool leaving = false;
  bool restoring = false, restored = false;
  std::uint32_t passes = 0;
  std::uint64_t disk_errors = 0;
  std::uint64_t scanned_bytes = 0, last_step = 0;
  std::string unknown_word;
  std::string transcript;
  std::string stacks;

  std::string actor() const { return actor_of(spec); }

  std::vector<std::string> arguments() const {
    const auto kib = spec.shape.memory_bytes / 1024;
    std::vector<std::string> list{
        "-nodefaults", "-no-user-config", "-display", "none",
        // Threads have names, for whoever looks at where they stand.
        "-name", "debug-threads=on",
        // qboot starts a PVH kernel on `pc` in half of SeaBIOS's time (40-50 ms against 80-110).
        "-bios", "qboot.rom", "-machine",
        fmt::format("{},accel={},memory-backend=pc.ram,usb=off", spec.machine, spec.accel), "-m",
        fmt::format("{}K", kib), "-object",
        fmt::format("memory-backend-file,id=pc.ram,mem-path={},size={}K,share=on,"
                    "prealloc=on,align=2M",
                    io::path_of(ram_file->fd()), kib),
        "-chardev", fmt::format("file,id=evidence,path={},append=on", io::path_of(evidence.fd())),
        "-device", "isa-debugcon,iobase=0xe9,chardev=evidence"};
    for (const auto& one : spec.disk.blockdevs) list.insert(list.end(), {"-blockdev", one});
    // A guest must not see an error that the storage takes back: QEMU stops it and keeps the
    // request until somebody says `cont` (docs/storage.md).
    list.insert(list.end(),
                {"-device", "virtio-blk-pci,drive=disk0,id=disk,werror=stop,rerror=stop"});
    const auto backend = spec.tap_fd < 0 ? std::string("hubport,id=net0,hubid=0")
                                         : fmt::format("tap,id=net0,fd={}", spec.tap_fd);
    if (spec.network_device)
      list.insert(list.end(),
                  {"-netdev", backend, "-device", "virtio-net-pci,netdev=net0,id=net,romfile="});
    const auto loaded = io::path_of(payload->fd());
    for (auto& one : spec.restored ? spec.guest->restored_arguments(spec.shape, loaded)
                                   : spec.guest->arguments(spec.shape, loaded))
      list.push_back(std::move(one));
    list.insert(list.end(), spec.more_arguments.begin(), spec.more_arguments.end());
    for (const auto& one : spec.tls_objects) list.insert(list.end(), {"-object", one});
    for (auto& one : management->arguments()) list.push_back(std::move(one));
    if (tracing)
      for (auto& one : tracing->arguments()) list.push_back(std::move(one));
    if (spec.incoming) list.insert(list.end(), {"-incoming", "defer"});
    if (spec.paused) list.push_back("-S");
    return list;
  }

  void start() {
    management = std::make_unique<Management>(loop, handlers());
    io::Launch launch;
    launch.binary = spec.binary.empty() ? default_qemu_binary() : spec.binary;
    launch.arguments = arguments();
    launch.inherit = {ram_file->fd(), evidence.fd(), payload->fd()};
    if (spec.tls_folders_fd >= 0) launch.inherit.push_back(spec.tls_folders_fd);
    if (spec.tap_fd >= 0) launch.inherit.push_back(spec.tap_fd);
    if (spec.migration_file_fd >= 0) launch.inherit.push_back(spec.migration_file_fd);
    for (const int fd : management->inherited()) launch.inherit.push_back(fd);
    if (tracing)
      for (const int fd : tracing->inherited()) launch.inherit.push_back(fd);
    launch.inherit.insert(launch.inherit.end(), spec.disk.inherit.begin(), spec.disk.inherit.end());
    launch.network_namespace_fd = spec.network_namespace_fd;
    launch.output_fd = output.fd();
    nlohmann::json words = launch.arguments;
    words.insert(words.begin(), launch.binary);
    log("run", '>', words.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace));
    child = std::make_unique<io::Child>(loop, launch, [this](const Ending& ending) {
      seen.dead = true;
      seen.ending = ending;
      history.add(actor(), "process", "exited",
                  {{"code", std::int64_t{ending.code}}, {"signal", std::int64_t{ending.signal}}});
      changed();
    });
    history.add(actor(), "process", "started", {{"pid", std::int64_t{child->pid()}}});
    management->launched();
  }

  Management::Handlers handlers() {
    Management::Handlers handlers;
    handlers.event = [this](const std::string& name, const nlohmann::json& data) {
      event(name, data);
    };
    handlers.lost = [this] {
      forget();  // what QEMU does from now on is not heard
      history.add(actor(), "management", "lost");
      changed();
    };
    handlers.regained = [this] {
      forget();
      ++seen.regained;
      history.add(actor(), "management", "regained");
      ask();
      changed();
    };
    handlers.line = [this](std::string_view which, char way, std::string_view line) {
      log(which, way, line);
    };
    return handlers;
  }

  // The states that were told are the past by now.
  void forget() {
    seen.run = RunState::unknown;
    seen.migration = MigrationStatus::unknown;
  }

  void log(std::string_view which, char way, std::string_view line) {
    const auto at = std::chrono::duration<double, std::milli>(Clock::now() - history.start());
    transcript += fmt::format("{:10.3f} {} {} {}\n", at.count(), which, way, line);
  }

  void event(const std::string& name, const nlohmann::json& data) {
    if (restoring) return;
    Fields fields;
    for (const auto& [key, value] : data.items()) {
      if (value.is_string()) fields.emplace_back(key, value.get<std::string>());
      if (value.is_number_integer()) fields.emplace_back(key, value.get<std::int64_t>());
      if (value.is_boolean()) fields.emplace_back(key, value.get<bool>());
    }
    history.add(actor(), "qmp-event", name, std::move(fields));
    if (name == "MIGRATION") set_migration(data.value("status", ""));
    if (name == "MIGRATION_PASS") passes = data.value("pass", 0u);
    if (name == "BLOCK_IO_ERROR") ++disk_errors;
    if (name == "RESUME") seen.run = RunState::running;
    // A migration that fails from now on fails because of it; an earlier one may have resumed.
    if (name == "SHUTDOWN" && seen.migration != MigrationStatus::failed &&
        seen.migration != MigrationStatus::cancelled)
      seen.run = RunState::shutdown;
    if (name == "STOP") seen.run = RunState::unknown;  // which of several: the question below says
    if (name == "STOP" || name == "MIGRATION" || name == "RESUME") ask();
    if (spec.event) spec.event(name, data);
    changed();
  }

  void set_migration(const std::string& word) {
    if (const auto status = migration_status_from(word))
      seen.migration = *status;
    else
      unknown_word = fmt::format("MigrationStatus `{}`", word);
  }

  void ask() {
    if (leaving) return;
    if (!management || !management->monitor().open()) return;
    auto* monitor = &management->monitor();
    if (status_asked || migration_asked) {
      ask_again = true;  // what was asked before the event may be answered with what was before it
      return;
    }
    status_asked = migration_asked = true;
    monitor->send("query-status", {},
                  [this, asked_at = Clock::now()](const nlohmann::json& value,
                                                  const io::QmpError* error) {
                    status_asked = false;
                    if (error == nullptr) take_status(value);
                    if (error == nullptr) last_answer = asked_at;
                    asked();
                  });
    monitor->send("query-migrate", {},
                  [this](const nlohmann::json& value, const io::QmpError* error) {
                    migration_asked = false;
                    if (error == nullptr) take_migration(value);
                    asked();
                  });
  }

  void asked() {
    if (status_asked || migration_asked || !ask_again) return;
    ask_again = false;
    ask();
  }

  void take_status(const nlohmann::json& value) {
    const auto word = value.value("status", "");
    const auto state = run_state_from(word);
    if (!state) unknown_word = fmt::format("RunState `{}`", word);
    if (seen.run == RunState::shutdown) return;  // asked before it said so, answered after
    if (state && seen.run != *state) {
      seen.run = *state;
      history.add(actor(), "qmp-reply", "query-status", {{"status", word}});
      changed();
    }
  }

  void take_migration(const nlohmann::json& value) {
    const auto before = seen;
    // Only one that was sent from here has a count of its RAM; that of a restored host which has
    // none is how the host came to be (fill_destination_migration_info in migration.c).
    const auto word = value.value("status", "none");
    const bool came_here = restored && word == "completed" && !value.contains("ram");
    set_migration(came_here ? "none" : word);
    seen.error = value.value("error-desc", "");
    if (!(before == seen)) {
      history.add(actor(), "qmp-reply", "query-migrate",
                  {{"status", std::string(to_string(seen.migration))}, {"error", seen.error}});
      changed();
    }
  }
};

void ignore_shared(io::Qmp& monitor, bool on, Clock::time_point deadline) {
  const nlohmann::json one{{"capability", "x-ignore-shared"}, {"state", on}};
  monitor.call("migrate-set-capabilities", {{"capabilities", nlohmann::json::array({one})}},
               deadline);
}

void wait_for_migration(io::Loop& loop, QemuHost& host, Clock::time_point deadline) {
  for (;;) {
    const auto state = host.monitor().call("query-migrate", nlohmann::json::object(), deadline);
    const auto status = state.value("status", "none");
    if (status == "completed") return;
    if (status == "failed")
      throw InfraError(fmt::format("QEMU could not save or restore the VM: {} {}",
                                   state.value("error-desc", ""), host.messages()));
    loop.run_until([] { return false; }, Clock::now() + Milliseconds(1));  // as often as useful
    if (Clock::now() > deadline) throw InfraError("saving or restoring the VM took too long");
  }
}

QemuHost::QemuHost(io::Loop& loop, const QemuHostSpec& spec, History& history,
                   std::function<void()> changed)
    : state_(std::make_shared<State>(loop, spec, history, std::move(changed))) {
  state_->start();
}

QemuHost::~QemuHost() {
  state_->changed = [] {};
}

std::string QemuHost::connect(Clock::time_point deadline) {
  try {
    return state_->management->connect(deadline);
  } catch (const InfraError& error) {
    // Its last words come with its end; it has closed its monitors, so that is near.
    state_->loop.run_until([this] { return state_->seen.dead; },
                           std::min(deadline, Clock::now() + Milliseconds(1000)));
    const auto printed = messages();
    throw InfraError(fmt::format(
        "{}: {}; it printed {}",
        state_->spec.binary.empty() ? default_qemu_binary() : state_->spec.binary, error.what(),
        printed.empty() ? "nothing: is it a qemu-system-x86_64?" : ": " + printed));
  }
}

void QemuHost::restore(int devices_fd, Clock::time_point deadline) {
  state_->restoring = true;
  ignore_shared(monitor(), true, deadline);
  // Nobody has moved: a VM that is announced here would be announced for most of a second, and so
  // still when it has left.
  announce(monitor(), 0, deadline);
  monitor().call("getfd", {{"fdname", "saved"}}, deadline, devices_fd);
  monitor().call("migrate-incoming", {{"uri", "fd:saved"}}, deadline);
  wait_for_migration(state_->loop, *this, deadline);
  ignore_shared(monitor(), false, deadline);
  announce(monitor(), kAnnouncements, deadline);
  state_->restoring = false;
  state_->restored = true;
}

io::Qmp& QemuHost::monitor() { return state_->management->monitor(); }
io::Qmp& QemuHost::out_of_band() { return state_->management->out_of_band(); }
Management& QemuHost::management() { return *state_->management; }
io::Child& QemuHost::process() { return *state_->child; }

Sight QemuHost::sight(Milliseconds patience) const {
  auto sight = state_->seen;
  sight.answers = state_->management->answers(patience);
  return sight;
}

void QemuHost::ask() { state_->ask(); }
void QemuHost::leave() { state_->leaving = true; }
Clock::time_point QemuHost::last_answer() const { return state_->last_answer; }
std::string QemuHost::guest_text() const { return state_->evidence.text(); }

std::uint64_t QemuHost::last_step() {
  const auto size = state_->evidence.size();
  if (size == state_->scanned_bytes) return state_->last_step;
  // Only what is new since the last look, and enough before it for a line that was cut there.
  const auto from = state_->scanned_bytes > 256 ? state_->scanned_bytes - 256 : 0;
  if (const auto step = state_->spec.guest->last_step(state_->evidence.text_from(from)))
    state_->last_step = *step;
  state_->scanned_bytes = size;
  return state_->last_step;
}

std::shared_ptr<io::MemoryFile> QemuHost::ram_file() const { return state_->ram_file; }
Bytes QemuHost::ram() const { return state_->ram.bytes(); }
void QemuHost::poke(std::uint64_t gpa, Bytes bytes) { state_->ram.write(gpa, bytes); }

std::string QemuHost::messages() const {
  auto text = state_->output.text();
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

HostTrace QemuHost::trace() const {
  return state_->tracing ? state_->tracing->read() : HostTrace();
}

std::string QemuHost::transcript() const { return state_->transcript; }

void QemuHost::keep_stacks(std::string_view heading) {
  if (!state_->child->alive()) return;
  const std::chrono::duration<double, std::milli> at = Clock::now() - state_->history.start();
  state_->stacks += fmt::format("{:.3f} ms: {}\n\n{}\n", at.count(), heading,
                                io::stacks_of(state_->child->pid()));
}

std::string QemuHost::stacks() const { return state_->stacks; }
std::uint32_t QemuHost::passes() const { return state_->passes; }
std::uint64_t QemuHost::disk_errors() const { return state_->disk_errors; }
std::string QemuHost::unknown_word() const { return state_->unknown_word; }

}  // namespace migfuzz
