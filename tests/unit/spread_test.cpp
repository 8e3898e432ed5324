// A part of the matrix that stands for the whole. Run alone: unit_campaign "[spread]".
#include "harness/campaign/spread.h"

#include <catch2/catch.hpp>
#include <set>

namespace migfuzz {
namespace {

// A matrix in which one mode has ten times as many cells as the other, as multifd has.
std::vector<PlannedCase> matrix() {
  std::vector<PlannedCase> cases;
  const auto add = [&](const std::string& mode, const std::string& point,
                       const std::string& fault) {
    PlannedCase one;
    one.cell = Cell{point, fault, Side::source, "handshake", "", mode};
    one.plan.mode = mode;
    one.plan.seed = cases.size();
    cases.push_back(std::move(one));
  };
  for (int point = 0; point < 50; ++point)
    for (const auto* fault : {"crash", "hang", "reset", "drop", "quit"})
      for (const auto* phase : {"precopy/page:", "stopcopy/page:"})
        add("multifd", phase + std::to_string(point), fault);
  for (const auto* fault : {"crash", "hang", "reset", "drop", "quit"})
    for (const auto* point : {"precopy/begin", "stopcopy/enter", "commit/eof"})
      add("precopy", point, fault);
  return cases;
}

std::vector<std::string> names(const std::vector<PlannedCase>& cases) {
  std::vector<std::string> all;
  for (const auto& one : cases) all.push_back(to_string(*one.cell));
  return all;
}

TEST_CASE("A few cells meet every mode in every phase, and every fault", "[spread]") {
  std::set<std::string> phases, faults;
  for (const auto& one : spread(matrix(), 8, 1)) {
    phases.insert(one.cell->mode + " " + one.cell->point.substr(0, one.cell->point.find('/')));
    faults.insert(one.cell->fault);
  }
  CHECK(phases.size() == 5);
  CHECK(faults.size() == 5);
}

TEST_CASE("Every beginning of a part is the part that is that much smaller", "[spread]") {
  const auto large = names(spread(matrix(), 60, 7)), small = names(spread(matrix(), 20, 7));
  REQUIRE(large.size() == 60);
  CHECK(std::vector(large.begin(), large.begin() + 20) == small);
  CHECK(std::set(large.begin(), large.end()).size() == 60);
}

TEST_CASE("The seed alone decides between cells that tell as much", "[spread]") {
  CHECK(names(spread(matrix(), 30, 1)) == names(spread(matrix(), 30, 1)));
  CHECK(names(spread(matrix(), 30, 1)) != names(spread(matrix(), 30, 2)));
}

TEST_CASE("More cells than there are is all of them, each with its own plan", "[spread]") {
  const auto all = spread(matrix(), 100000, 3);
  CHECK(all.size() == matrix().size());
  std::set<std::uint64_t> seeds;
  for (const auto& one : all) seeds.insert(one.plan.seed);
  CHECK(seeds.size() == all.size());
  for (const auto& one : all) CHECK(one.plan.mode == one.cell->mode);
}

}  // namespace
}  // namespace migfuzz
