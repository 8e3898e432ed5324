// The return path's parser: a message is type, length, payload; one kind has a tail without a
// frame.
//
// Only the field being read is kept (at most 8 bytes, or the name of a RAM block); other payloads
// are skipped by a counter. Types and their lengths are migration/migration.h
// (enum mig_rp_message_type) and the table rp_cmd_args[] of migration/migration.c; the bitmap's
// frame is ramblock_recv_bitmap_send() of migration/ram.c.
#include "harness/stream/return_path.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

namespace migfuzz::stream {
namespace {

constexpr std::uint16_t kShut = 1;
constexpr std::uint16_t kPong = 2;
constexpr std::uint16_t kReqPagesId = 3;
constexpr std::uint16_t kReqPages = 4;
constexpr std::uint16_t kRecvBitmap = 5;
constexpr std::uint16_t kResumeAck = 6;
constexpr std::uint16_t kRequestBytes = 12;      // be64 start, be32 length; then the block's name
constexpr std::uint16_t kMaxPayloadBytes = 512;  // the buffer of source_return_path_thread()
constexpr std::uint64_t kMaxBitmapBytes = std::uint64_t{1} << 32;  // one bit a page: 128 TiB of RAM
constexpr std::uint64_t kBitmapEnd = 0x0123456789abcdef;           // RAMBLOCK_RECV_BITMAP_ENDING

struct MessageKind {
  std::string_view name;
  std::optional<std::uint16_t> length;  // nothing: varies
};
constexpr std::array<MessageKind, 8> kKinds = {{
    {"type-0", std::nullopt},  // MIG_RP_MSG_INVALID
    {"shut", std::uint16_t{4}},
    {"pong", std::uint16_t{4}},
    {"req-pages-id", std::nullopt},
    {"req-pages", std::uint16_t{12}},
    {"recv-bitmap", std::nullopt},
    {"resume-ack", std::uint16_t{4}},
    {"switchover-ack", std::uint16_t{0}},  // since 8.1
}};

}  // namespace

struct ReturnPathParser::State {
  enum class At {
    type,
    length,
    value,          // of SHUT and PONG
    request_start,  // of REQ_PAGES and REQ_PAGES_ID
    request_length,
    name_length,  // of REQ_PAGES_ID and RECV_BITMAP
    name,
    message_end,
    bitmap_size,
    bitmap_middle,
    bitmap_end
  };

  std::vector<ReturnMessage> messages;
  std::vector<Hit> points;
  std::uint64_t fed = 0;
  std::uint64_t pos = 0;  // everything before is understood
  std::uint64_t requests = 0;
  bool failed = false;
  std::string failure;

  void consume(Bytes bytes);

 private:
  At at_ = At::type;
  std::uint64_t field_ = 0;  // the big-endian field being read
  std::size_t field_bytes_ = 0;
  std::uint64_t skip_ = 0;
  std::uint64_t payload_ = 0;   // bytes of the payload that were not read yet
  std::size_t name_bytes_ = 0;  // of the block's name, not read yet
  std::uint64_t bitmap_bytes_ = 0;
  std::string block_;  // REQ_PAGES names none: it means the last one that was named
  ReturnMessage message_;

  std::size_t wanted_bytes() const;
  void step();
  void take_type();
  void take_length();
  void take_name_length();
  void take_name(Bytes& bytes);
  void end_message();
  void fail(const std::string& why) {
    failed = true;
    failure = "offset " + std::to_string(message_.begin) + ": return path: " + why;
  }
  void point(Phase phase, std::string name) { points.push_back({phase, std::move(name), pos}); }
};

/// Size of the field that the state reads; 0: it only waits for the end of what is skipped.
std::size_t ReturnPathParser::State::wanted_bytes() const {
  switch (at_) {
    case At::type:
    case At::length:
      return 2;
    case At::value:
    case At::request_length:
      return 4;
    case At::name_length:
      return 1;
    case At::name:
    case At::message_end:
    case At::bitmap_middle:
      return 0;
    case At::request_start:
    case At::bitmap_size:
    case At::bitmap_end:
      return 8;
  }
  return 8;
}

void ReturnPathParser::State::consume(Bytes bytes) {
  fed += bytes.size();
  while (!failed) {
    const auto skipped = static_cast<std::size_t>(std::min<std::uint64_t>(skip_, bytes.size()));
    skip_ -= skipped;
    pos += skipped;
    bytes = bytes.subspan(skipped);
    if (skip_ != 0) return;
    if (at_ == At::name) take_name(bytes);
    if (at_ == At::name) return;
    while (field_bytes_ < wanted_bytes() && !bytes.empty()) {
      field_ = field_ << 8 | std::to_integer<std::uint64_t>(bytes.front());
      ++field_bytes_;
      bytes = bytes.subspan(1);
      // A type cut in two may be SHUT's, and its point lies before it.
      if (at_ != At::type) ++pos;
    }
    if (field_bytes_ < wanted_bytes()) return;
    step();
    field_ = 0;
    field_bytes_ = 0;
  }
}

void ReturnPathParser::State::step() {
  switch (at_) {
    case At::type:
      take_type();
      return;
    case At::length:
      take_length();
      return;
    case At::value:
      message_.value = static_cast<std::uint32_t>(field_);
      end_message();
      return;
    case At::request_start:
      message_.start = field_;
      at_ = At::request_length;
      return;
    case At::request_length:
      message_.length = static_cast<std::uint32_t>(field_);
      payload_ -= kRequestBytes;
      at_ = message_.type == kReqPagesId ? At::name_length : At::message_end;
      return;
    case At::name_length:
      take_name_length();
      return;
    case At::name:
      return;
    case At::message_end:
      if (message_.type == kRecvBitmap)
        at_ = At::bitmap_size;
      else
        end_message();
      return;
    case At::bitmap_size:
      if (field_ % 8 != 0 || field_ > kMaxBitmapBytes) {
        fail("a bitmap of " + std::to_string(field_) + " bytes");
        return;
      }
      bitmap_bytes_ = field_;
      skip_ = bitmap_bytes_ / 2;
      at_ = At::bitmap_middle;
      return;
    case At::bitmap_middle:
      point(Phase::recover, "bitmap-middle");
      skip_ = bitmap_bytes_ - bitmap_bytes_ / 2;
      at_ = At::bitmap_end;
      return;
    case At::bitmap_end:
      if (field_ != kBitmapEnd)
        fail("a bitmap without its end mark");
      else
        end_message();
      return;
  }
}

void ReturnPathParser::State::take_type() {
  const auto type = static_cast<std::uint16_t>(field_);
  message_ = ReturnMessage{};
  message_.type = type;
  message_.begin = pos;
  message_.name =
      type < kKinds.size() ? std::string(kKinds[type].name) : "type-" + std::to_string(type);
  if (type == kShut) point(Phase::commit, "ack");
  if (type == kReqPages || type == kReqPagesId)
    point(Phase::postcopy, "request:" + std::to_string(++requests));
  if (type == kRecvBitmap) point(Phase::recover, "bitmap");
  if (type == kResumeAck) point(Phase::recover, "resume-ack");
  pos += 2;
  at_ = At::length;
}

void ReturnPathParser::State::take_length() {
  const auto length = static_cast<std::uint16_t>(field_);
  const bool wrong = message_.type < kKinds.size() && kKinds[message_.type].length &&
                     *kKinds[message_.type].length != length;
  if (wrong || length > kMaxPayloadBytes || message_.type == 0) {
    fail(message_.name + " of " + std::to_string(length) + " bytes");
    return;
  }
  payload_ = length;
  switch (message_.type) {
    case kShut:
    case kPong:
      at_ = At::value;
      return;
    case kReqPages:
    case kReqPagesId:
      if (length < kRequestBytes)
        fail(message_.name + " of " + std::to_string(length) + " bytes");
      else
        at_ = At::request_start;
      return;
    case kRecvBitmap:
      at_ = At::name_length;
      if (length == 0) fail("recv-bitmap of 0 bytes");
      return;
    default:
      skip_ = length;
      at_ = At::message_end;
  }
}

void ReturnPathParser::State::take_name_length() {
  name_bytes_ = static_cast<std::size_t>(field_);
  if (name_bytes_ == 0 || payload_ != name_bytes_ + 1) {
    fail(message_.name + ": a name of " + std::to_string(name_bytes_) + " bytes");
    return;
  }
  message_.block.clear();
  at_ = At::name;
}

void ReturnPathParser::State::take_name(Bytes& bytes) {
  const std::size_t taken = std::min(name_bytes_, bytes.size());
  message_.block.append(reinterpret_cast<const char*>(bytes.data()), taken);
  bytes = bytes.subspan(taken);
  pos += taken;
  name_bytes_ -= taken;
  if (name_bytes_ != 0) return;
  if (message_.type == kReqPagesId) block_ = message_.block;
  at_ = At::message_end;
}

void ReturnPathParser::State::end_message() {
  message_.end = pos;
  if (message_.type == kReqPages) message_.block = block_;
  if (message_.type == kReqPages || message_.type == kReqPagesId) message_.number = requests;
  if (message_.type == kShut) point(Phase::commit, "ack-end");
  if (message_.type == kRecvBitmap) point(Phase::recover, "bitmap-end");
  messages.push_back(std::move(message_));
  at_ = At::type;
}

ReturnPathParser::ReturnPathParser(std::uint64_t requests_before)
    : state_(std::make_unique<State>()) {
  state_->requests = requests_before;
}
ReturnPathParser::~ReturnPathParser() = default;

void ReturnPathParser::feed(Bytes bytes) { state_->consume(bytes); }
std::vector<ReturnMessage> ReturnPathParser::take_messages() {
  return std::exchange(state_->messages, {});
}
std::vector<ReturnPathParser::Hit> ReturnPathParser::take_points() {
  return std::exchange(state_->points, {});
}
void ReturnPathParser::restart_count() { state_->requests = 0; }
std::uint64_t ReturnPathParser::requests() const { return state_->requests; }
std::uint64_t ReturnPathParser::fed() const { return state_->fed; }
std::uint64_t ReturnPathParser::settled() const { return state_->pos; }
bool ReturnPathParser::failed() const { return state_->failed; }
std::string ReturnPathParser::failure() const { return state_->failure; }

}  // namespace migfuzz::stream
