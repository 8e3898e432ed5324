#include "harness/io/relay_reader.h"

#include <utility>

#include "harness/stream/multifd.h"
#include "harness/stream/preempt.h"
#include "harness/stream/tls_records.h"

namespace migfuzz::io {
namespace {

template <typename Parser>
std::vector<Reader::Hit> hits_of(Parser& parser) {
  std::vector<Reader::Hit> hits;
  for (auto& hit : parser.take_points())
    hits.push_back({hit.phase, std::move(hit.name), hit.offset});
  return hits;
}

// In post-copy these are counted from when the destination was told to run: what is sent or asked
// for before it depends on how fast it reads the package, and a fault there strikes another place.
bool is_counted(const Reader::Hit& hit) {
  const std::string_view name = hit.name;
  return hit.phase == Phase::postcopy &&
         (name.starts_with("page:") || name.starts_with("request:") || name.starts_with("answer:"));
}

class MainReader final : public Reader {
 public:
  MainReader(std::shared_ptr<stream::Parser> parser,
             std::function<void(const stream::Item&)> item, bool runs)
      : parser_(std::move(parser)), item_(std::move(item)), runs_(runs) {}

  void feed(Bytes bytes) override {
    parser_->feed(bytes);
    hand_on_items();
  }
  void finish() override {
    parser_->finish();
    hand_on_items();
  }
  std::vector<Hit> take_points() override {
    auto hits = hits_of(*parser_);
    if (!runs_) std::erase_if(hits, is_counted);
    return hits;
  }
  std::vector<stream::PageHit> take_pages() override { return parser_->take_pages(); }
  std::uint64_t settled() const override { return parser_->settled(); }
  std::string failure() const override { return parser_->failed() ? parser_->failure() : ""; }
  std::uint64_t eof() const override { return eof_; }
  std::optional<PagesAfterSwitch> pages_after_switch() const override {
    return PagesAfterSwitch{parser_->postcopy_pages(), parser_->postcopy_pages_again()};
  }
  void want(const Point& point) override {
    if (!point.name.starts_with("page:")) return;
    if (point.phase == Phase::postcopy && !runs_)
      later_.push_back(point);
    else
      parser_->want_page(std::stoull(point.name.substr(5)), point.phase);
  }
  void destination_runs() override {
    if (std::exchange(runs_, true)) return;
    parser_->restart_count();
    for (const auto& point : std::exchange(later_, {})) want(point);
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
  bool runs_;
  std::vector<Point> later_;  // wanted, and not counted yet
};

class ReturnReader final : public Reader {
 public:
  ReturnReader(std::shared_ptr<stream::ReturnPathParser> parser,
               std::function<void(const stream::ReturnMessage&)> message, bool runs)
      : parser_(std::move(parser)), message_(std::move(message)), runs_(runs) {}

  void feed(Bytes bytes) override {
    parser_->feed(bytes);
    for (const auto& message : parser_->take_messages())
      if (message_) message_(message);
  }
  std::vector<Hit> take_points() override {
    auto hits = hits_of(*parser_);
    if (!runs_) std::erase_if(hits, is_counted);
    return hits;
  }
  std::uint64_t settled() const override { return parser_->settled(); }
  std::string failure() const override { return parser_->failed() ? parser_->failure() : ""; }
  void destination_runs() override {
    if (!std::exchange(runs_, true)) parser_->restart_count();
  }

 private:
  const std::shared_ptr<stream::ReturnPathParser> parser_;
  const std::function<void(const stream::ReturnMessage&)> message_;
  bool runs_;
};

// The pages that the destination asked for count, like its requests, from when it was told to run.
class PreemptReader final : public Reader {
 public:
  void feed(Bytes bytes) override { parser_.feed(bytes); }
  std::vector<Hit> take_points() override {
    std::vector<Hit> hits;
    for (auto& hit : parser_.take_points())
      if (runs_) hits.push_back({Phase::postcopy, std::move(hit.name), hit.offset});
    return hits;
  }
  std::uint64_t settled() const override { return parser_.settled(); }
  std::string failure() const override { return parser_.failure(); }
  void destination_runs() override {
    if (!std::exchange(runs_, true)) parser_.restart_count();
  }

 private:
  stream::PreemptParser parser_;
  bool runs_ = false;
};

// Points of multifd have the phase of the migration: stop-and-copy, once that was allowed.
class SideReader final : public Reader {
 public:
  explicit SideReader(std::unique_ptr<stream::SideParser> parser) : parser_(std::move(parser)) {}

  void feed(Bytes bytes) override { parser_->feed(bytes); }
  std::vector<Hit> take_points() override {
    std::vector<Hit> hits;
    for (auto& hit : parser_->take_points())
      hits.push_back({hit.phase.value_or(phase_), std::move(hit.name), hit.offset});
    return hits;
  }
  std::uint64_t settled() const override { return parser_->settled(); }
  std::string failure() const override { return parser_->failure(); }
  void switchover_allowed() override {
    if (std::exchange(phase_, Phase::stopcopy) == Phase::precopy) parser_->restart_count();
  }

 private:
  const std::unique_ptr<stream::SideParser> parser_;
  Phase phase_ = Phase::precopy;
};

// Its records are counted from the first one to the last: nobody outside sees a switch-over.
class RecordsReader final : public Reader {
 public:
  void feed(Bytes bytes) override { parser_.feed(bytes); }
  std::vector<Hit> take_points() override {
    std::vector<Hit> hits;
    for (auto& hit : parser_.take_points())
      hits.push_back({hit.phase.value_or(Phase::reserve), std::move(hit.name), hit.offset});
    return hits;
  }
  std::uint64_t settled() const override { return parser_.settled(); }
  std::string failure() const override { return parser_.failure(); }

 private:
  stream::TlsRecords parser_;
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
                                    std::function<void(const stream::Item&)> item, bool runs) {
  return std::make_unique<MainReader>(std::move(parser), std::move(item), runs);
}

std::unique_ptr<Reader> return_reader(std::shared_ptr<stream::ReturnPathParser> parser,
                                      std::function<void(const stream::ReturnMessage&)> message,
                                      bool runs) {
  return std::make_unique<ReturnReader>(std::move(parser), std::move(message), runs);
}

std::unique_ptr<Reader> side_reader(const std::string& channel) {
  if (channel == "preempt") return std::make_unique<PreemptReader>();
  return std::make_unique<SideReader>(std::make_unique<stream::MultifdParser>());
}

std::unique_ptr<Reader> records_reader() { return std::make_unique<RecordsReader>(); }

std::unique_ptr<Reader> opaque_reader() { return std::make_unique<OpaqueReader>(); }

}  // namespace migfuzz::io
