// disk: what the guest acknowledged is on the survivor's disk, and nothing that it cannot have
// written.
//
// The guest acknowledges a journal record only after a flush, so every acknowledged record must be
// there, whatever failed since. A record newer than the survivor's own steps is as bad: the image
// went back, the disk did not. A whole record of another life means that a host that had lost the
// guest wrote after all. Asks nothing of a case without a disk, or whose failure took its contents.
#include <fmt/format.h>

#include "harness/checkers/catalog.h"

namespace migfuzz {
namespace {

class DiskChecker final : public Checker {
 public:
  std::string_view name() const override { return "disk"; }
  std::string_view claim() const override {
    return "every acknowledged write is on the survivor's disk, none newer than the guest's own "
           "step, no write by a loser; a mirror that has ended left two equal disks";
  }

  std::vector<Finding> check(const Plan& plan, const History&, const Evidence& e) const override {
    if (const auto* pair = unequal(e))
      return {checkers::broken(name(), "mirror-inexact",
                               fmt::format("when the mirror had ended, {} of {} bytes differed "
                                           "between both disks, the first at {}",
                                           pair->differing, pair->bytes, pair->first_differing))};
    if (!e.disk) return {checkers::good(name(), "no disk in this case")};
    if (!e.disk_kept) return {checkers::good(name(), "the failure took the disk's contents along")};
    const DiskExam& disk = *e.disk;
    const auto symptom = symptom_of(disk);
    if (!symptom.empty()) return {said(e, symptom, words(disk))};
    if (disk.acknowledged == 0 && plan.guest.disk_writes_per_s != 0 &&
        survivor_of(e) != Survivor::none)
      return {{std::string(name()), Verdict::infra, "the guest acknowledged no write to its disk",
               "no-write", ""}};
    return {checkers::good(name(), words(disk))};
  }

 private:
  static const DiskPair* unequal(const Evidence& e) {
    if (e.disks && e.disks->differing != 0) return &*e.disks;
    if (e.retry && e.retry->disks && e.retry->disks->differing != 0) return &*e.retry->disks;
    return nullptr;
  }

  // The worst first: a loser's write explains a lost one, not the other way round.
  static std::string symptom_of(const DiskExam& disk) {
    if (!disk.readable) return "disk-unreadable";
    if (disk.foreign != 0) return "loser-wrote";
    if (disk.newer != 0) return "write-from-the-future";
    if (disk.torn != 0) return "torn-write";
    return disk.missing != 0 ? "write-lost" : "";
  }

  static std::string words(const DiskExam& disk) {
    if (!disk.readable) return fmt::format("the disk cannot be judged: {}", disk.why);
    if (disk.first.empty())
      return fmt::format("{} writes acknowledged, {} records on the disk, none of them wrong",
                         disk.acknowledged, disk.found);
    return fmt::format(
        "of {} acknowledged writes: {} missing, {} torn, {} by a loser, {} from the future; {}",
        disk.acknowledged, disk.missing, disk.torn, disk.foreign, disk.newer, disk.first);
  }

  Finding said(const Evidence& e, const std::string& symptom, const std::string& what) const {
    if (e.expected.expect == Expect::double_run)
      return {std::string(name()), Verdict::hazard, what, symptom, std::string(e.expected.reason)};
    return checkers::broken(name(), symptom, what);
  }
};

}  // namespace

std::unique_ptr<Checker> make_disk() { return std::make_unique<DiskChecker>(); }

}  // namespace migfuzz
