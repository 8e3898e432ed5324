#include "harness/stream/side_parser.h"

#include <algorithm>
#include <utility>

namespace migfuzz::stream {

void SideParser::feed(Bytes bytes) {
  fed_ += bytes.size();
  while (!bytes.empty() && !failed()) {
    if (to_end_ == 0) {
      take_header(bytes);
      continue;
    }
    const std::uint64_t ahead = to_middle_ != 0 ? to_middle_ : to_end_;
    const auto passed = static_cast<std::size_t>(std::min<std::uint64_t>(ahead, bytes.size()));
    bytes = bytes.subspan(passed);
    pos_ += passed;
    to_end_ -= passed;
    if (to_middle_ == 0) continue;
    to_middle_ -= passed;
    if (to_middle_ == 0) points_.push_back(*std::exchange(middle_, std::nullopt));
  }
}

void SideParser::take_header(Bytes& bytes) {
  Frame known = frame(header_);
  while (known.failure.empty() && known.bytes == 0) {
    const std::size_t missing = known.header_bytes - header_.size();
    const Bytes part = bytes.first(std::min(missing, bytes.size()));
    header_.insert(header_.end(), part.begin(), part.end());
    bytes = bytes.subspan(part.size());
    if (part.size() < missing) return;
    known = frame(header_);
  }
  if (!known.failure.empty())
    failure_ = "offset " + std::to_string(pos_) + ": " + known.failure;
  else
    begin(known);
}

void SideParser::begin(const Frame& frame) {
  for (const std::string& name : frame.points) points_.push_back({frame.phase, name, pos_});
  const std::uint64_t first = pos_;
  pos_ += header_.size();
  to_end_ = frame.bytes - header_.size();
  header_.clear();
  if (!frame.middle) return;
  // The middle of a tiny frame would lie in its header, which has been passed.
  const std::uint64_t middle = std::max(first + frame.bytes / 2, pos_);
  const Hit hit{frame.phase, frame.points.front() + "/middle", middle};
  to_middle_ = middle - pos_;
  if (to_middle_ == 0)
    points_.push_back(hit);
  else
    middle_ = hit;
}

std::vector<SideParser::Hit> SideParser::take_points() { return std::exchange(points_, {}); }

}  // namespace migfuzz::stream
