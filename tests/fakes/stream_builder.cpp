// The builder's bytes. Deliberately independent of harness/stream: it shares no constant with the
// parser, so that a slip in one of them shows. Layout: migration/savevm.c and ram.c of QEMU.
#include "tests/fakes/stream_builder.h"

namespace migfuzz::fakes {

StreamBuilder::StreamBuilder(std::uint32_t ram_section_id)
    : ram_section_id_(ram_section_id), next_section_id_(ram_section_id + 1) {}

StreamBuilder& StreamBuilder::raw(const ByteVector& bytes) {
  bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  return *this;
}

StreamBuilder& StreamBuilder::be(std::uint64_t value, std::size_t bytes) {
  for (std::size_t i = bytes; i-- > 0;) bytes_.push_back(static_cast<std::byte>(value >> (8 * i)));
  return *this;
}

StreamBuilder& StreamBuilder::text(std::string_view text) {
  for (const char c : text) bytes_.push_back(static_cast<std::byte>(c));
  return *this;
}

StreamBuilder& StreamBuilder::header() { return text("QEVM").be(3, 4); }

StreamBuilder& StreamBuilder::configuration(std::string_view machine) {
  return be(0x07, 1).be(machine.size(), 4).text(machine);
}

StreamBuilder& StreamBuilder::configuration_subsection(std::string_view name,
                                                       const ByteVector& payload) {
  return be(0x05, 1).be(name.size(), 1).text(name).be(1, 4).raw(payload);
}

StreamBuilder& StreamBuilder::command(std::uint16_t command, const ByteVector& payload) {
  return be(0x08, 1).be(command, 2).be(payload.size(), 2).raw(payload);
}

StreamBuilder& StreamBuilder::ram_setup(const std::vector<RamBlock>& blocks) {
  be(0x01, 1).be(ram_section_id_, 4).be(3, 1).text("ram").be(0, 4).be(4, 4);
  std::uint64_t total = 0;
  for (const RamBlock& block : blocks) total += block.used_bytes;
  be(total | 0x04, 8);
  for (const RamBlock& block : blocks)
    be(block.name.size(), 1).text(block.name).be(block.used_bytes, 8);
  return section_end();
}

StreamBuilder& StreamBuilder::part_begin() { return be(0x02, 1).be(ram_section_id_, 4); }
StreamBuilder& StreamBuilder::ram_end_begin() { return be(0x03, 1).be(ram_section_id_, 4); }

void StreamBuilder::page_header(std::string_view block, std::uint64_t address, std::uint64_t flag) {
  if (block == last_block_) {
    be(address | flag | 0x20, 8);
    return;
  }
  be(address | flag, 8).be(block.size(), 1).text(block);
  last_block_ = block;
}

StreamBuilder& StreamBuilder::page(std::string_view block, std::uint64_t address,
                                   std::uint8_t fill) {
  return page(block, address, ByteVector(4096, std::byte{fill}));
}

StreamBuilder& StreamBuilder::page(std::string_view block, std::uint64_t address,
                                   const ByteVector& content) {
  page_header(block, address, 0x08);
  return raw(content);
}

StreamBuilder& StreamBuilder::zero_page(std::string_view block, std::uint64_t address) {
  page_header(block, address, 0x02);
  return be(0, 1);
}

StreamBuilder& StreamBuilder::xbzrle_page(std::string_view block, std::uint64_t address,
                                          const ByteVector& delta) {
  page_header(block, address, 0x40);
  return be(0x01, 1).be(delta.size(), 2).raw(delta);
}

StreamBuilder& StreamBuilder::ram_word(std::uint64_t word) { return be(word, 8); }

StreamBuilder& StreamBuilder::section_end() {
  return be(0x10, 8).be(0x7e, 1).be(ram_section_id_, 4);
}

StreamBuilder& StreamBuilder::device(std::string_view idstr, const ByteVector& state,
                                     std::uint32_t instance_id) {
  const std::uint32_t id = next_section_id_++;
  be(0x04, 1).be(id, 4).be(idstr.size(), 1).text(idstr).be(instance_id, 4).be(1, 4);
  return raw(state).be(0x7e, 1).be(id, 4);
}

StreamBuilder& StreamBuilder::other_section(std::uint8_t type, std::uint32_t id,
                                            std::string_view idstr, const ByteVector& payload) {
  be(type, 1).be(id, 4);
  if (type == 1) be(idstr.size(), 1).text(idstr).be(0, 4).be(1, 4);
  return raw(payload).be(0x7e, 1).be(id, 4);
}

StreamBuilder& StreamBuilder::eof() { return be(0x00, 1); }

StreamBuilder& StreamBuilder::vmdesc(std::string_view json) {
  return be(0x06, 1).be(json.size(), 4).text(json);
}

namespace {

void add(StreamBuilder& stream, const StreamShape& shape, const StreamShape::Record& record) {
  const std::string& block = shape.blocks.at(record.block).name;
  const std::uint64_t address = record.page * 4096;
  using Kind = StreamShape::Record::Kind;
  if (record.kind == Kind::zero)
    stream.zero_page(block, address);
  else if (record.kind == Kind::content)
    stream.page(block, address, record.fill);
  else
    stream.xbzrle_page(block, address, ByteVector(record.fill, std::byte{record.fill}));
}

ByteVector ping(std::uint8_t number) {
  return {std::byte{0}, std::byte{0}, std::byte{0}, std::byte{number}};
}

void add_devices(StreamBuilder& stream, const StreamShape& shape) {
  for (const auto& device : shape.devices)
    stream.device(device.idstr, device.state, device.instance_id);
}

/// postcopy_start() of migration/migration.c, and what follows it.
void add_postcopy(StreamBuilder& stream, const StreamShape& shape) {
  stream.command(6, ByteVector(25)).command(2, ping(2));
  stream.package([&](StreamBuilder& packed) {
    packed.command(4);
    add_devices(packed, shape);
    packed.command(2, ping(3)).command(5);
  });
  stream.command(2, ping(4)).part_begin();
  const std::size_t half = shape.last.size() / 2;
  for (std::size_t i = 0; i < half; ++i) add(stream, shape, shape.last[i]);
  stream.section_end().ram_end_begin();
  for (std::size_t i = half; i < shape.last.size(); ++i) add(stream, shape, shape.last[i]);
  stream.section_end().eof();
}

}  // namespace

ByteVector build(const StreamShape& shape) {
  StreamBuilder stream(shape.qemu_10 ? 1 : 2);
  stream.header().configuration(shape.qemu_10 ? "pc-i440fx-10.0" : "pc-i440fx-7.2");
  if (shape.return_path) stream.command(1).command(2, ping(1));
  if (shape.postcopy) stream.command(3);
  stream.ram_setup(shape.blocks);
  for (const auto& part : shape.parts) {
    stream.part_begin();
    for (const auto& record : part) add(stream, shape, record);
    stream.section_end();
  }
  if (shape.qemu_10) stream.command(11);
  if (shape.postcopy) {
    add_postcopy(stream, shape);
    return stream.take();
  }
  stream.ram_end_begin();
  for (const auto& record : shape.last) add(stream, shape, record);
  stream.section_end();
  add_devices(stream, shape);
  stream.eof();
  if (shape.vmdesc) stream.vmdesc(R"({"page_size": 4096, "devices": []})");
  return stream.take();
}

}  // namespace migfuzz::fakes
