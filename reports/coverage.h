// The coverage table in the order in which people read it: one grid per protocol and pair of
// QEMUs, a row for each fault and side, a column for each phase.
#pragma once

#include <string>
#include <vector>

#include "harness/core/result.h"

namespace migfuzz {

struct CoverageCell {
  std::string text;  // "18/18", "7/18", "impossible here", "–"
  enum class Mood { whole, short_of, impossible, meaningless, not_asked } mood = Mood::not_asked;
};

struct CoverageGrid {
  std::string title;  // "handshake", "handshake, 7.2.22 -> 10.0.2"
  std::vector<std::string> phases;
  struct Row {
    std::string fault, side;
    std::vector<CoverageCell> cells;  // one for each phase
    std::vector<std::string> why;     // reasons of what was left out, each with how many cells
  };
  std::vector<Row> rows;
};

std::vector<CoverageGrid> coverage_grids(const Summary& summary);

}  // namespace migfuzz
