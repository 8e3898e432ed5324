// The numbers of QEMU's migration stream, each with the QEMU file it comes from, and how to read
// them.
//
// Private to harness/stream: the parser's interface does not show them. What QEMU calls a name is
// said beside it. All integers on the wire are big-endian.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "harness/core/types.h"

namespace migfuzz::stream::wire {

// migration/savevm.h
inline constexpr std::uint32_t kMagic = 0x5145564d;  // QEMU_VM_FILE_MAGIC, "QEVM"
inline constexpr std::uint32_t kVersion = 3;         // QEMU_VM_FILE_VERSION
inline constexpr std::uint8_t kEof = 0x00;           // QEMU_VM_EOF
inline constexpr std::uint8_t kSectionStart = 0x01;
inline constexpr std::uint8_t kSectionPart = 0x02;
inline constexpr std::uint8_t kSectionEnd = 0x03;
inline constexpr std::uint8_t kSectionFull = 0x04;
inline constexpr std::uint8_t kSubsection = 0x05;
inline constexpr std::uint8_t kVmdescription = 0x06;
inline constexpr std::uint8_t kConfiguration = 0x07;
inline constexpr std::uint8_t kCommand = 0x08;
inline constexpr std::uint8_t kFooter = 0x7e;  // QEMU_VM_SECTION_FOOTER
inline constexpr std::size_t kFooterBytes = 5;

// migration/savevm.c, enum qemu_vm_cmd and mig_cmd_args[]
inline constexpr std::uint16_t kPing = 2;
inline constexpr std::uint16_t kPostcopyAdvise = 3;
inline constexpr std::uint16_t kPostcopyListen = 4;
inline constexpr std::uint16_t kPostcopyRun = 5;
inline constexpr std::uint16_t kRamDiscard = 6;
inline constexpr std::uint16_t kPackaged = 7;
inline constexpr std::uint16_t kEnableColo = 8;
inline constexpr std::uint16_t kPostcopyResume = 9;
inline constexpr std::uint16_t kRecvBitmap = 10;
inline constexpr std::uint16_t kSwitchoverStart = 11;  // since 10.0
inline constexpr int kAnyLength = -1;
inline constexpr std::array<int, 12> kCommandLength = {
    kAnyLength,  // 0: MIG_CMD_INVALID, refused apart
    0,           // 1: OPEN_RETURN_PATH
    4,           // 2: PING
    kAnyLength,  // 3: POSTCOPY_ADVISE, 0 or 16, checked apart
    0,           // 4: POSTCOPY_LISTEN
    0,           // 5: POSTCOPY_RUN
    kAnyLength,  // 6: POSTCOPY_RAM_DISCARD
    4,           // 7: PACKAGED
    0,           // 8: ENABLE_COLO
    0,           // 9: POSTCOPY_RESUME
    kAnyLength,  // 10: RECV_BITMAP
    0,           // 11: SWITCHOVER_START
};

// migration/ram.c, RAM_SAVE_FLAG_*
inline constexpr std::uint64_t kRamZero = 0x02;
inline constexpr std::uint64_t kRamMemSize = 0x04;
inline constexpr std::uint64_t kRamPage = 0x08;
inline constexpr std::uint64_t kRamEos = 0x10;
inline constexpr std::uint64_t kRamContinue = 0x20;
inline constexpr std::uint64_t kRamXbzrle = 0x40;
inline constexpr std::uint64_t kRamHook = 0x80;           // RDMA
inline constexpr std::uint64_t kRamCompressPage = 0x100;  // gone in 9.1
inline constexpr std::uint64_t kRamMultifdFlush = 0x200;  // since 8.1
inline constexpr std::uint8_t kXbzrleEncoding = 0x01;     // ENCODING_FLAG_XBZRLE
inline constexpr std::uint32_t kRamVersion = 4;           // register_savevm_live("ram", 0, 4, …)
inline constexpr std::uint64_t kPageBytes = 4096;         // TARGET_PAGE_SIZE of x86
inline constexpr std::uint32_t kPageBits = 12;
inline constexpr std::uint64_t kFlagMask = kPageBytes - 1;

/// Reads big-endian fields from the front of a window; once it ran short, it stays short.
class Reader {
 public:
  explicit Reader(Bytes bytes) : bytes_(bytes) {}
  bool ran_short() const { return short_; }
  std::size_t at() const { return at_; }

  template <typename Unsigned>
  Unsigned number() {
    if (!has(sizeof(Unsigned))) return 0;
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < sizeof(Unsigned); ++i)
      value = value << 8 | std::to_integer<std::uint64_t>(bytes_[at_ + i]);
    at_ += sizeof(Unsigned);
    return static_cast<Unsigned>(value);
  }
  std::uint8_t u8() { return number<std::uint8_t>(); }
  std::uint16_t be16() { return number<std::uint16_t>(); }
  std::uint32_t be32() { return number<std::uint32_t>(); }
  std::uint64_t be64() { return number<std::uint64_t>(); }
  /// The view lives as long as the window.
  std::string_view text(std::size_t length) {
    if (!has(length)) return {};
    const char* const begin = reinterpret_cast<const char*>(bytes_.data()) + at_;
    at_ += length;
    return {begin, length};
  }
  std::string_view counted_text() {
    const std::uint8_t length = u8();
    return text(length);
  }

 private:
  bool has(std::size_t count) {
    if (short_ || bytes_.size() - at_ < count) short_ = true;
    return !short_;
  }
  Bytes bytes_;
  std::size_t at_ = 0;
  bool short_ = false;
};

}  // namespace migfuzz::stream::wire
