#include "harness/io/relay_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace migfuzz::io {
namespace {

class MainReader final : public Reader {
 public:
  MainReader(std::shared_ptr<stream::Parser> parser,
             std::function<void(const stream::Item&)> item)
      : parser_(std::move(parser)), item_(std::move(item)) {}

  void feed(Bytes bytes) override {
    parser_->feed(bytes);
    hand_on_items();
  }
  void finish() override {
    parser_->finish();
    hand_on_items();
  }
  std::vector<Hit> take_points() override {
    std::vector<Hit> hits;
    for (auto& hit : parser_->take_points())
      hits.push_back({hit.phase, std::move(hit.name), hit.offset});
    return hits;
  }
  std::vector<stream::PageHit> take_pages() override { return parser_->take_pages(); }
  std::uint64_t settled() const override { return parser_->settled(); }
  std::string failure() const override { return parser_->failed() ? parser_->failure() : ""; }
  std::uint64_t eof() const override { return eof_; }
  void want(const Point& point) override {
    if (point.phase == Phase::precopy && point.name.starts_with("page:"))
      parser_->want_page(std::stoull(point.name.substr(5)));
  }

 private:
  void hand_on_items() {
    for (const auto& item : parser_->take_items()) {
      if (item.kind == stream::Item::Kind::eof) eof_ = item.end;
      if (item_) item_(item);
    }
  }

  const std::shared_ptr<stream::Parser> parser_;
  const std::function<void(const stream::Item&)> item_;
  std::uint64_t eof_ = 0;
};

class ReturnReader final : public Reader {
 public:
  explicit ReturnReader(std::function<void(const stream::ReturnMessage&)> message)
      : message_(std::move(message)) {}

  void feed(Bytes bytes) override {
    parser_.feed(bytes);
    for (const auto& message : parser_.take_messages())
      if (message_) message_(message);
  }
  std::vector<Hit> take_points() override {
    std::vector<Hit> hits;
    for (auto& hit : parser_.take_points())
      hits.push_back({Phase::commit, std::move(hit.name), hit.offset});
    return hits;
  }
  std::uint64_t settled() const override { return parser_.settled(); }
  std::string failure() const override { return parser_.failed() ? parser_.failure() : ""; }

 private:
  stream::ReturnPathParser parser_;
  const std::function<void(const stream::ReturnMessage&)> message_;
};

// multifd without what its pages say: hello, then packets that tell how long they are. The layout is
// MultiFDInit_t and MultiFDPacket_t of QEMU's migration/multifd.h; all integers are big-endian.
class MultifdReader final : public Reader {
 public:
  void feed(Bytes bytes) override {
    if (fed_ == 0 && !bytes.empty()) hits_.push_back({phase_, "hello", 0});
    while (!bytes.empty()) {
      const bool skips = fed_ < next_ || !failure_.empty();
      const auto most = !failure_.empty() ? bytes.size() : next_ - fed_;
      const auto take = std::min<std::uint64_t>(bytes.size(), skips ? most : missing());
      if (!skips) header_.insert(header_.end(), bytes.begin(), bytes.begin() + std::ptrdiff_t(take));
      bytes = bytes.subspan(take);
      fed_ += take;
      if (header_.size() == kKnownBytes) begin_packet();
    }
  }
  std::vector<Hit> take_points() override { return std::exchange(hits_, {}); }
  std::uint64_t settled() const override { return std::min(fed_, next_); }
  std::string failure() const override { return failure_; }
  void switchover_allowed() override {
    phase_ = Phase::stopcopy;
    packets_ = syncs_ = 0;
  }

 private:
  static constexpr std::size_t kHelloBytes = 64, kHeaderBytes = 1344;  // of 128 pages of 4 KiB
  static constexpr std::size_t kFlagsAt = 8, kPagesAt = 16, kSizeAt = 20, kKnownBytes = 24;
  static constexpr std::uint32_t kMagic = 0x11223344, kSync = 1;

  std::size_t missing() const { return kKnownBytes - header_.size(); }
  std::uint32_t word(std::size_t at) const {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < 4; ++i)
      value = value << 8 | std::to_integer<std::uint32_t>(header_[at + i]);
    return value;
  }

  void begin_packet() {
    // A packet that only synchronizes has no pages and, up to 8.2, the size of the one before it.
    const auto size = kHeaderBytes + (word(kPagesAt) != 0 ? word(kSizeAt) : 0);
    if (word(0) != kMagic) failure_ = fmt::format("byte {}: no packet of multifd begins", next_);
    const bool sync = (word(kFlagsAt) & kSync) != 0;
    header_.clear();
    if (!failure_.empty()) return;
    const auto n = ++packets_;
    hits_.push_back({phase_, fmt::format("packet:{}", n), next_});
    if (sync) hits_.push_back({phase_, fmt::format("sync:{}", ++syncs_), next_});
    hits_.push_back({phase_, fmt::format("packet:{}/middle", n), next_ + size / 2});
    next_ += size;
  }

  Phase phase_ = Phase::precopy;
  std::uint64_t fed_ = 0, next_ = kHelloBytes;  // where the next header begins
  std::uint64_t packets_ = 0, syncs_ = 0;
  std::vector<std::byte> header_;
  std::vector<Hit> hits_;
  std::string failure_;
};

class OpaqueReader final : public Reader {
 public:
  void feed(Bytes bytes) override { fed_ += bytes.size(); }
  std::vector<Hit> take_points() override { return {}; }
  std::uint64_t settled() const override { return fed_; }

 private:
  std::uint64_t fed_ = 0;
};

}  // namespace

std::unique_ptr<Reader> main_reader(std::shared_ptr<stream::Parser> parser,
                                    std::function<void(const stream::Item&)> item) {
  return std::make_unique<MainReader>(std::move(parser), std::move(item));
}

std::unique_ptr<Reader> return_reader(std::function<void(const stream::ReturnMessage&)> message) {
  return std::make_unique<ReturnReader>(std::move(message));
}

std::unique_ptr<Reader> side_reader(const std::string& channel) {
  if (channel.starts_with("multifd:")) return std::make_unique<MultifdReader>();
  return opaque_reader();
}

std::unique_ptr<Reader> opaque_reader() { return std::make_unique<OpaqueReader>(); }

}  // namespace migfuzz::io
