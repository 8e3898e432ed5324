// liveness: after the heal both sides settle within a bound, and the survivor answers and steps on.
//
// The bound is the director's (kSettleLimit); what the arbiter was still waiting for is part of the
// finding. A host that plan or fence ended has nothing to answer for. Where the threads of a host
// stood that was waited for in vain is in the case's evidence, and the finding names the file.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "harness/checkers/catalog.h"

namespace migfuzz {
namespace {

class Liveness final : public Checker {
 public:
  std::string_view name() const override { return "liveness"; }
  std::string_view claim() const override {
    return "after the heal both sides settle within the bound and the survivor answers";
  }

  std::vector<Finding> check(const Plan&, const History& history,
                             const Evidence& e) const override {
    const auto stood = where_threads_stood(history);
    if (!e.settled) {
      // The first line is all that a list of findings shows.
      auto what = e.settle_note;
      what.insert(std::min(what.find('\n'), what.size()), stood);
      const bool stuck = !checkers::stood_in_side_channels(history).empty();
      return {checkers::broken(name(), stuck ? "side-channels-stuck" : "not-settled", what)};
    }
    if (!e.source.ending) return {deaf("source", stood)};
    if (!e.destination.ending) return {deaf("destination", stood)};
    if (e.retry && !e.retry->destination.ending) return {deaf("second destination", stood)};
    return {checkers::good(name(), e.settle_note)};
  }

 private:
  Finding deaf(const char* host, const std::string& stood) const {
    return checkers::broken(name(), "does-not-end",
                            fmt::format("the {} did not obey `quit` in time{}", host, stood));
  }

  static std::string where_threads_stood(const History& history) {
    std::set<std::string> files;
    for (const auto& event : history.events())
      if (event.name == "stacks kept") files.insert(fmt::format("stacks-{}.log", event.actor));
    if (files.empty()) return "";
    return fmt::format("; where their threads stood: {}", fmt::join(files, ", "));
  }
};

}  // namespace

std::unique_ptr<Checker> make_liveness() { return std::make_unique<Liveness>(); }

}  // namespace migfuzz
