// The heat map of a run in numbers: what each fault did in each phase, and what had to be tried.
//
// One cell for each phase, fault, side, protocol, pair of QEMUs, transport and disk; the page adds
// up what its switches let through. Cases of several faults have no place in it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "harness/core/result.h"

namespace migfuzz {

struct GridCell {
  std::string phase, fault, side, protocol, versions, transport, disk;
  std::uint64_t required = 0, delivered = 0;  // points
  std::uint64_t impossible = 0;               // points that this machine cannot do
  std::uint64_t meaningless = 0;              // points where the fault has no meaning
  std::map<Verdict, std::uint64_t> verdicts;  // of the cases
};

std::vector<GridCell> grid_of(const Summary& summary, const std::vector<CaseResult>& results);

/// Adds up all cells of one phase and one fault, whatever the rest of them is.
GridCell sum_of(const std::vector<GridCell>& grid, const std::string& phase,
                const std::string& fault);

/// Their faults by name, and their phases in the order of a migration.
std::vector<std::string> faults_of(const std::vector<GridCell>& grid);
std::vector<std::string> phases_of(const std::vector<GridCell>& grid);

/// The pair of QEMUs as coverage names it; empty in a run of one pair.
std::string pair_of(const CaseResult& result);

}  // namespace migfuzz
