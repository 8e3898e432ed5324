// memory: every page the guest owns has its closed-form content at the survivor's own step.
//
// Three looks: the destination's image before it first runs (closed form, and byte for byte against
// the source's, where both stand still), the survivor's image at the end, and the guest's own
// self-check records. After `corrupt` the changed page, and no other, must be named by one of them.
#include <fmt/format.h>

#include <map>
#include <set>

#include "harness/checkers/catalog.h"

namespace migfuzz {
namespace {

constexpr std::uint64_t kPageBytes = 4096;

struct Looked {
  std::set<std::uint64_t> wrong_gpas;  // page addresses
  std::map<std::uint64_t, std::uint64_t> gpa_of;  // of the guest's pages, where an image showed one
  std::string first;                   // the first wrong page, in words
  std::uint64_t kept = 0;              // wrong pages known in detail
  std::uint64_t stale = 0;             // of them: exactly an older step's content
  std::uint64_t wrong_pages = 0;
  std::uint64_t pages_checked = 0;
  std::string unreadable;
};

std::string words(const PageFault& fault) {
  if (fault.stale_step)
    return fmt::format("page {} at {:#x} holds step {} instead of {}", fault.page, fault.gpa,
                       *fault.stale_step, fault.expected_step);
  return fmt::format("page {} at {:#x} has {} wrong bytes from offset {} (written at step {})",
                     fault.page, fault.gpa, fault.bad_bytes, fault.first_bad_byte,
                     fault.expected_step);
}

void take(Looked& looked, const std::optional<ImageExam>& exam) {
  if (!exam) return;
  if (!exam->readable) {
    looked.unreadable = exam->why.empty() ? "no reason is known" : exam->why;
    return;
  }
  looked.pages_checked += exam->pages_checked;
  looked.wrong_pages += exam->wrong_pages;
  for (const auto& fault : exam->wrong) {
    if (looked.first.empty()) looked.first = words(fault);
    ++looked.kept;
    if (fault.stale_step) ++looked.stale;
    looked.gpa_of[fault.page] = fault.gpa / kPageBytes * kPageBytes;
    looked.wrong_gpas.insert(fault.gpa / kPageBytes * kPageBytes);
  }
}

// A guest whose pages are scattered tells their numbers only.
std::uint64_t place_of(const GuestRecord& record, const Looked& looked) {
  const auto shown = looked.gpa_of.find(record.page);
  return shown == looked.gpa_of.end() ? record.gpa / kPageBytes * kPageBytes : shown->second;
}

Looked look(const Evidence& e) {
  Looked looked;
  take(looked, e.exam_at_switch);
  // What was wrong before the first step tells what was lost; afterwards the guest has built on it.
  if (looked.wrong_pages > 0) return looked;
  const auto survivor = survivor_of(e);
  if (survivor == Survivor::source || survivor == Survivor::both) take(looked, e.source.exam);
  if (survivor == Survivor::destination || survivor == Survivor::both)
    take(looked, e.destination.exam);
  return looked;
}

class Memory final : public Checker {
 public:
  std::string_view name() const override { return "memory"; }
  std::string_view claim() const override {
    return "every owned page has its closed-form content at the survivor's step";
  }

  std::vector<Finding> check(const Plan&, const History&, const Evidence& e) const override {
    auto looked = look(e);
    std::uint64_t self_checks = 0;
    for (const auto& record : e.records.records)
      if (record.kind == GuestRecord::Kind::self_check_failed) {
        ++self_checks;
        const auto gpa = place_of(record, looked);
        looked.wrong_gpas.insert(gpa);
        if (looked.first.empty())
          looked.first =
              fmt::format("the guest itself found page {} at {:#x} changed", record.page, gpa);
      }
    if (e.expected.expect == Expect::seen) return {seen(e, looked)};
    return judge(e, looked, self_checks);
  }

 private:
  std::vector<Finding> judge(const Evidence& e, const Looked& looked,
                             std::uint64_t self_checks) const {
    if (!looked.unreadable.empty())
      return {
          checkers::broken(name(), "image-unreadable",
                           "the survivor's image has no sane control block: " + looked.unreadable)};
    if (looked.wrong_pages + self_checks > 0)
      // A page that was sent while it was being written is half stale; among lost pages most are
      // stale as a whole, among damaged ones none is.
      return {checkers::broken(
          name(), looked.stale > 0 && looked.stale * 2 >= looked.kept ? "stale-page" : "wrong-page",
          fmt::format("{} wrong page{}, {} of {} looked at exactly as an older step left them; {}",
                      std::max(looked.wrong_pages, self_checks),
                      std::max(looked.wrong_pages, self_checks) == 1 ? "" : "s", looked.stale,
                      looked.kept, looked.first))};
    if (auto wrong = outside_its_time(e)) return {std::move(*wrong)};
    if (e.pair && e.pair->differing > 0)
      return {checkers::broken(
          name(), "images-differ",
          fmt::format("{} of {} pages differ between source and destination; first at {:#x}",
                      e.pair->differing, e.pair->pages,
                      e.pair->first_differing_gpa.empty() ? 0 : e.pair->first_differing_gpa[0]))};
    if (survivor_of(e) == Survivor::none)
      return {checkers::good(name(), "no image is left to check")};
    if (looked.pages_checked == 0 && !e.settled)
      return {checkers::good(name(), "nothing has settled: no image stands still to be checked")};
    if (looked.pages_checked == 0)
      return {{std::string(name()), Verdict::infra, "no page was checked", "nothing-checked", ""}};
    return {checkers::good(
        name(),
        fmt::format("{} checks of owned pages{}", looked.pages_checked,
                    e.pair ? fmt::format(", {} pages byte-equal on both hosts", e.pair->pages)
                           : std::string()))};
  }

  // A snapshot is what the VM was between the command and the moment at which it ran on.
  std::optional<Finding> outside_its_time(const Evidence& e) const {
    if (!e.snapshot_steps || !e.exam_at_switch) return std::nullopt;
    const auto& [least, most] = *e.snapshot_steps;
    const auto step = e.exam_at_switch->recorded_step;
    if (step >= least && step <= most) return std::nullopt;
    return checkers::broken(name(), step < least ? "snapshot-too-old" : "snapshot-too-new",
                            fmt::format("the snapshot has recorded step {}; it was taken between "
                                        "{} and {}",
                                        step, least, most));
  }

  Finding seen(const Evidence& e, const Looked& looked) const {
    if (!e.flip)
      return {std::string(name()), Verdict::not_delivered, "no owned page passed behind the point",
              "", std::string(e.expected.reason)};
    const auto page = e.flip->gpa / kPageBytes * kPageBytes;
    if (looked.wrong_gpas == std::set{page})
      return checkers::good(
          name(), fmt::format("the flip at {:#x} was seen: {}", e.flip->gpa, looked.first));
    if (looked.wrong_gpas.contains(page))
      return checkers::broken(name(), "oracle/other-pages",
                              fmt::format("besides the flipped page {:#x}, {} others are wrong",
                                          page, looked.wrong_gpas.size() - 1));
    return checkers::broken(name(), "oracle/flip-unseen",
                            fmt::format("the flip at {:#x} went unseen", e.flip->gpa),
                            std::string(e.expected.reason));
  }
};

}  // namespace

std::unique_ptr<Checker> make_memory() { return std::make_unique<Memory>(); }

}  // namespace migfuzz
