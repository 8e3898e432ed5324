// no-rollback: the guest's externally visible steps are contiguous over both hosts.
//
// The records of the source and then of the destination are one chain of hashes: a step repeated,
// lost or rewritten breaks it, even where both images look healthy. Nothing inside the guest can
// notice a rollback of the whole image; only this outside record shows it.
#include <fmt/format.h>

#include "harness/checkers/catalog.h"

namespace migfuzz {
namespace {

class NoRollback final : public Checker {
 public:
  std::string_view name() const override { return "no-rollback"; }
  std::string_view claim() const override {
    return "the guest's visible steps are contiguous over both hosts";
  }

  std::vector<Finding> check(const Plan&, const History&, const Evidence& e) const override {
    std::uint64_t steps = 0;
    for (const auto& record : e.records.records)
      if (record.kind == GuestRecord::Kind::step) steps = std::max(steps, record.step);
    if (e.records.broken) {
      if (e.expected.expect == Expect::double_run)
        return {{std::string(name()), Verdict::hazard, *e.records.broken, "double-run",
                 std::string(e.expected.reason)}};
      return {checkers::broken(name(), "rollback", *e.records.broken)};
    }
    if (e.records_disagree)
      return {checkers::broken(name(), "image-behind-records", *e.records_disagree)};
    if (steps == 0)
      return {{std::string(name()), Verdict::infra, "the guest left no record", "no-record", ""}};
    return {checkers::good(name(), fmt::format("{} steps in one unbroken chain", steps))};
  }
};

}  // namespace

std::unique_ptr<Checker> make_no_rollback() { return std::make_unique<NoRollback>(); }

}  // namespace migfuzz
