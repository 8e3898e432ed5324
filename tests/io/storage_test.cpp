// The disk under both hosts with QEMU's own tools as its clients: locks on memory files, qcow2 read
// back, and a storage daemon that fails and comes back. Run alone: io_tests "[storage]".
#include "harness/hypervisors/storage.h"

#include <catch2/catch.hpp>
#include <memory>

#include "harness/core/error.h"
#include "harness/io/child.h"
#include "harness/io/image_lock.h"
#include "tests/io/inside.h"

namespace migfuzz {
namespace {

Clock::time_point soon() { return Clock::now() + std::chrono::seconds(10); }

// What `qemu-io` prints when it opens the image at the end of the attachment and runs one command.
std::string qemu_io(io::Loop& loop, const std::string& image, std::vector<int> inherit,
                    const std::string& command, int network_namespace_fd = -1) {
  const io::MemoryFile output("qemu-io");
  io::Launch launch;
  launch.binary = "qemu-io";
  launch.arguments = {"--image-opts", image, "-c", command};
  launch.inherit = std::move(inherit);
  launch.network_namespace_fd = network_namespace_fd;
  launch.output_fd = output.fd();
  io::Child child(loop, launch, [](const Ending&) {});
  if (!loop.run_until([&] { return child.ending().has_value(); }, soon())) return "not in time";
  return output.text();
}

bool says(const std::string& text, const char* part) {
  INFO(text);
  return text.find(part) != std::string::npos;
}

std::string raw_image(const io::MemoryFile& file) {
  return "driver=raw,file.driver=file,file.filename=" + io::path_of(file.fd());
}

TEST_CASE("A third party's image lock on a memory file keeps QEMU from writing", "[storage]") {
  io::Loop loop;
  const io::MemoryFile file("image", 1 << 20);
  io::ImageLock lock(file.fd());
  const auto write = [&] {
    return qemu_io(loop, raw_image(file), {file.fd()}, "write -P 7 0 512");
  };
  CHECK_FALSE(lock.held());
  lock.take();
  lock.take();
  CHECK(lock.held());
  CHECK(says(write(), "Failed to get \"write\" lock"));
  CHECK(file.text()[0] == 0);
  lock.give_back();
  CHECK_FALSE(lock.held());
  CHECK(says(write(), "wrote 512/512 bytes"));
  CHECK(file.text()[0] == 7);
}

TEST_CASE("Somebody else's lock is not taken for the third party's own", "[storage]") {
  const io::MemoryFile file("image", 1 << 20);
  io::ImageLock mine(file.fd()), other(file.fd());
  other.take();
  CHECK(other.held());
  CHECK_FALSE(mine.held());
}

TEST_CASE("What is written into a qcow2 disk is read back as raw bytes", "[storage]") {
  fakes::check_inside([](const fakes::Report& report) {
    io::Loop loop;
    const io::Network network;
    const Disk disk(loop, "qcow2", 1 << 20, network, false, -1, soon());
    const auto attachment = disk.attachment(Side::source);
    const auto image =
        "driver=qcow2,file.driver=file,file.filename=" + io::path_of(attachment.inherit.at(0));
    const auto said = qemu_io(loop, image, attachment.inherit, "write -P 0x5a 4096 512");
    report(says(said, "wrote 512/512"), "qemu-io writes");
    const auto content = disk.content(Side::source, soon());
    report(content && content->size() == 1 << 20, "the whole disk is read back");
    report(content && (*content)[4095] == std::byte{0} && (*content)[4096] == std::byte{0x5a} &&
               (*content)[4607] == std::byte{0x5a} && (*content)[4608] == std::byte{0},
           "and it holds what was written, where it was written");
  });
}

TEST_CASE("A disk without a server refuses to fail, and no disk has no content", "[storage]") {
  fakes::check_inside([](const fakes::Report& report) {
    io::Loop loop;
    const io::Network network;
    Disk raw(loop, "raw", 1 << 20, network, false, -1, soon());
    Disk none(loop, "none", 1 << 20, network, false, -1, soon());
    const auto refused = [](const std::function<void()>& act) {
      try {
        act();
      } catch (const InfraError&) {
        return true;
      }
      return false;
    };
    report(refused([&] { raw.fail(Side::source, StorageFailure::crashes); }), "raw has no server");
    report(refused([&] { none.lock(true); }), "no disk has no lock");
    report(!none.content(Side::source, soon()), "no disk has no content");
    report(raw.content(Side::source, soon()).value().size() == 1 << 20, "raw has its bytes");
  });
}

TEST_CASE("A storage daemon answers errors, hangs, dies, and serves again when healed",
          "[storage]") {
  fakes::check_inside([](const fakes::Report& report) {
    io::Loop loop;
    const io::Network network;
    Disk disk(loop, "nbd", 1 << 20, network, false, -1, soon());
    const auto source = Side::source, destination = Side::destination;
    const auto sees = [&](Side side, auto what) {
      return loop.run_until([&] { return what(disk.sight(side)); },
                            Clock::now() + std::chrono::seconds(2));
    };
    const auto io = [&](Side side, const char* command) {
      auto image = disk.attachment(side).blockdevs[0];
      image.erase(image.find(",node-name"));
      return qemu_io(loop, image, {}, command, network.namespace_fd(side));
    };
    // An io::Ticker keeps the loop turning for what has no event.
    const io::Ticker ticker(loop, Milliseconds(2), [] {});
    report(says(io(source, "write -P 3 0 512"), "wrote 512/512"), "the source writes");
    disk.fail(source, StorageFailure::errors);
    report(sees(source, [](const StorageSight& s) { return says(s.probe, "Input/output error"); }),
           "a third client is told of the error");
    report(says(io(source, "write -P 4 0 512"), "Input/output error"), "a write fails");
    report(says(io(destination, "read -P 3 0 512"), "read 512/512"), "the other host reads");
    disk.heal(source);
    disk.heal(source);
    report(says(io(source, "write -P 5 0 512"), "wrote 512/512"), "healed, it writes");
    disk.fail(source, StorageFailure::hangs);
    report(sees(source, [](const StorageSight& s) { return s.frozen; }), "it stands still");
    report(!disk.sight(destination).frozen, "the other one does not");
    disk.heal(source);
    report(sees(source, [](const StorageSight& s) { return !s.frozen; }), "it goes on");
    disk.fail(destination, StorageFailure::crashes);
    report(sees(destination,
                [](const StorageSight& s) {
                  return s.ended == Ending{0, 9};
                }),
           "it ended by signal 9");
    disk.heal(destination);
    report(!disk.sight(destination).ended, "another one serves");
    report(says(io(destination, "read -P 5 0 512"), "read 512/512"), "and nothing was lost");
    report(disk.content(Side::source, soon()).value()[0] == std::byte{5},
           "the image holds the last write");
  });
}

}  // namespace
}  // namespace migfuzz
