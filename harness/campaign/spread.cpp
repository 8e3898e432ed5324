// A greedy cover with diminishing returns, evaluated lazily: what a cell would add only gets less
// while others are taken, so the best of the queue is looked at again before it is believed.
#include "harness/campaign/spread.h"

#include <algorithm>
#include <queue>
#include <string>
#include <unordered_map>

#include "harness/core/plan.h"

namespace migfuzz {
namespace {

// What a cell meets, and how much it is worth to meet it: a mode in a phase and a fault on a side
// tell more than one more point of the same phase.
struct Meeting {
  std::size_t what;  // index into the counts
  double worth;
};

class Spreader {
 public:
  Spreader(const std::vector<PlannedCase>& cases, std::uint64_t seed) {
    for (std::size_t i = 0; i < cases.size(); ++i) {
      if (!cases[i].cell) {
        meetings_.emplace_back();
        continue;
      }
      meetings_.push_back(meetings_of(*cases[i].cell));
      const auto tie = stable_hash(std::to_string(seed) + to_string(*cases[i].cell));
      queue_.push({gain(i), tie, i});
    }
  }

  // The next case; false when there is none left.
  bool next(std::size_t& index) {
    while (!queue_.empty()) {
      auto best = queue_.top();
      queue_.pop();
      best.gain = gain(best.index);
      if (!queue_.empty() && best < queue_.top()) {
        queue_.push(best);
        continue;
      }
      index = best.index;
      for (const auto& meeting : meetings_[index]) ++met_[meeting.what];
      return true;
    }
    return false;
  }

 private:
  struct Candidate {
    double gain;
    std::uint64_t tie;
    std::size_t index;
    bool operator<(const Candidate& other) const {
      return gain != other.gain ? gain < other.gain : tie < other.tie;
    }
  };

  std::vector<Meeting> meetings_of(const Cell& cell) {
    const std::string where(cell.point.substr(0, cell.point.find('/')));
    const std::string side(to_string(cell.side)), mode = cell.mode + cell.versions + cell.protocol;
    return {{number("phase " + mode + where), 4},
            {number("fault " + cell.fault + side), 4},
            {number("fault of mode " + mode + cell.fault), 2},
            {number("fault of phase " + where + cell.fault), 2},
            {number("point " + mode + cell.point + cell.channel), 1}};
  }

  std::size_t number(const std::string& what) {
    const auto [found, fresh] = numbers_.emplace(what, met_.size());
    if (fresh) met_.push_back(0);
    return found->second;
  }

  double gain(std::size_t index) const {
    double sum = 0;
    for (const auto& meeting : meetings_[index]) sum += meeting.worth / (1 + met_[meeting.what]);
    return sum;
  }

  std::vector<std::vector<Meeting>> meetings_;  // by case
  std::unordered_map<std::string, std::size_t> numbers_;
  std::vector<double> met_;  // how often
  std::priority_queue<Candidate> queue_;
};

}  // namespace

std::vector<PlannedCase> spread(std::vector<PlannedCase> cases, std::size_t most,
                                std::uint64_t seed) {
  Spreader spreader(cases, seed);
  std::vector<PlannedCase> chosen;
  for (std::size_t index = 0; chosen.size() < most && spreader.next(index);)
    chosen.push_back(std::move(cases[index]));
  return chosen;
}

}  // namespace migfuzz
