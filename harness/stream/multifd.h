// One of multifd's side channels: a hello of 64 bytes, then packets.
//
// Points: `hello`, `packet:N`, `packet:N/middle`, `sync:N` (also packets, before which all pages of
// this channel were sent). A packet is a header of 1344 bytes and, only if it names pages with
// content, as many bytes as it says: QEMU 7.2 leaves the last packet's size in one that carries
// none. Formats: MultiFDInit_t and MultiFDPacket_t, migration/multifd.{h,c}; the count of zero
// pages lies where QEMU before 9.0 writes zeroes. Limits: 4 KiB pages, no device state (VFIO), no
// TLS.
#pragma once

#include "harness/stream/side_parser.h"

namespace migfuzz::stream {

class MultifdParser final : public SideParser {
 public:
  void restart_count() override { packets_ = syncs_ = 0; }
  /// The channel's number, from its hello.
  std::optional<std::uint8_t> id() const { return id_; }
  std::uint64_t packets() const { return packets_; }  // since the count began
  std::uint64_t syncs() const { return syncs_; }
  std::uint64_t pages() const { return pages_; }  // with content, from the first packet on
  std::uint64_t zero_pages() const { return zero_pages_; }

 protected:
  Frame frame(Bytes header) override;

 private:
  Frame hello(Bytes header);
  std::optional<std::uint8_t> id_;
  std::uint64_t packets_ = 0, syncs_ = 0, pages_ = 0, zero_pages_ = 0;
};

}  // namespace migfuzz::stream
