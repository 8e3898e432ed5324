// Builds byte-exact streams, item by item, as QEMU 7.2 and 10.0 write them.
//
// For the parser's tests and the scripted hypervisor. Nothing is checked: a test may build a broken
// stream on purpose. `size()` between two calls is the offset at which the next item begins.
//
//   StreamBuilder stream;
//   stream.header().configuration("pc-i440fx-7.2").ram_setup({{"pc.ram", 1 << 20}});
//   stream.part_begin().page("pc.ram", 0x3000, 0x5a).section_end();
//   stream.ram_end_begin().section_end().device("0000:00:03.0/virtio-net",
//   state).eof().vmdesc("{}");
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace migfuzz::fakes {

using ByteVector = std::vector<std::byte>;

struct RamBlock {
  std::string name;
  std::uint64_t used_bytes = 0;  // a multiple of 4096
};

class StreamBuilder {
 public:
  /// `ram_section_id`: 2 as in 7.2, 1 as in 10.0. Devices get the numbers that follow.
  explicit StreamBuilder(std::uint32_t ram_section_id = 2);

  StreamBuilder& header();
  StreamBuilder& configuration(std::string_view machine);
  /// After configuration() only. The version is 1.
  StreamBuilder& configuration_subsection(std::string_view name, const ByteVector& payload);
  StreamBuilder& command(std::uint16_t command, const ByteVector& payload = {});

  /// PACKAGED and its size: what `inside` appends is the package.
  template <typename Inside>
  StreamBuilder& package(Inside inside) {
    const std::size_t size_at = command(7, ByteVector(4)).bytes_.size() - 4;
    inside(*this);
    const std::size_t packed = bytes_.size() - size_at - 4;
    for (std::size_t i = 0; i < 4; ++i)
      bytes_[size_at + i] = static_cast<std::byte>(packed >> (24 - 8 * i));
    return *this;
  }

  StreamBuilder& ram_setup(const std::vector<RamBlock>& blocks);
  StreamBuilder& part_begin();     // RAM's SECTION_PART
  StreamBuilder& ram_end_begin();  // RAM's SECTION_END
  StreamBuilder& page(std::string_view block, std::uint64_t address, std::uint8_t fill);
  StreamBuilder& page(std::string_view block, std::uint64_t address, const ByteVector& content);
  StreamBuilder& zero_page(std::string_view block, std::uint64_t address);
  StreamBuilder& xbzrle_page(std::string_view block, std::uint64_t address,
                             const ByteVector& delta);
  StreamBuilder& ram_word(std::uint64_t word);
  StreamBuilder& section_end();  // EOS and footer of the RAM section that is open

  StreamBuilder& device(std::string_view idstr, const ByteVector& state,
                        std::uint32_t instance_id = 0);
  /// An iterable section other than RAM; type 1 START, 2 PART, 3 END.
  StreamBuilder& other_section(std::uint8_t type, std::uint32_t id, std::string_view idstr,
                               const ByteVector& payload);
  StreamBuilder& eof();
  StreamBuilder& vmdesc(std::string_view json);

  StreamBuilder& raw(const ByteVector& bytes);
  StreamBuilder& be(std::uint64_t value, std::size_t bytes);  // a big-endian number
  StreamBuilder& text(std::string_view text);                 // without a length

  std::uint64_t size() const { return bytes_.size(); }
  const ByteVector& bytes() const { return bytes_; }
  ByteVector take() { return std::exchange(bytes_, {}); }

 private:
  void page_header(std::string_view block, std::uint64_t address, std::uint64_t flag);
  ByteVector bytes_;
  std::uint32_t ram_section_id_;
  std::uint32_t next_section_id_;
  std::string last_block_;  // of the last page record: CONTINUE is set as QEMU does
};

/// A whole stream as a value, for generators.
struct StreamShape {
  bool postcopy = false;    // `last` follows a package of the devices, half of it in a PART
  bool qemu_10 = false;     // SWITCHOVER_START and RAM's section id as 10.0 writes them
  bool return_path = true;  // OPEN_RETURN_PATH and PING 1
  bool vmdesc = true;
  std::vector<RamBlock> blocks = {{"pc.ram", 1 << 20}};
  struct Record {
    std::size_t block = 0;
    std::uint64_t page = 0;  // index in the block
    enum class Kind { zero, content, xbzrle } kind = Kind::content;
    std::uint8_t fill = 0;
  };
  std::vector<std::vector<Record>> parts = {{}};
  std::vector<Record> last;  // in RAM's END
  struct Device {
    std::string idstr;
    ByteVector state;
    std::uint32_t instance_id = 0;
  };
  std::vector<Device> devices;
};
ByteVector build(const StreamShape& shape);

}  // namespace migfuzz::fakes
