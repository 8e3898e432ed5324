// liveness: after the heal both sides settle within a bound, and the survivor answers and steps on.
//
// The bound is the director's (kSettleLimit); what the arbiter was still waiting for is part of the
// finding. A host that plan or fence ended has nothing to answer for.
#include <fmt/format.h>

#include "harness/checkers/catalog.h"

namespace migfuzz {
namespace {

class Liveness final : public Checker {
 public:
  std::string_view name() const override { return "liveness"; }
  std::string_view claim() const override {
    return "after the heal both sides settle within the bound and the survivor answers";
  }

  std::vector<Finding> check(const Plan&, const History&, const Evidence& e) const override {
    if (!e.settled) return {checkers::broken(name(), "not-settled", e.settle_note)};
    if (!e.source.ending) return {deaf("source")};
    if (!e.destination.ending) return {deaf("destination")};
    if (e.retry && !e.retry->destination.ending) return {deaf("second destination")};
    return {checkers::good(name(), e.settle_note)};
  }

 private:
  Finding deaf(const char* host) const {
    return checkers::broken(name(), "does-not-end",
                            fmt::format("the {} did not obey `quit` in time", host));
  }
};

}  // namespace

std::unique_ptr<Checker> make_liveness() { return std::make_unique<Liveness>(); }

}  // namespace migfuzz
