// Quantiles by nearest rank: always one of the numbers, none in between.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace migfuzz {

/// `sorted` in rising order, at least one; `share` above 0, at most 1: 0.5 is the median.
inline double nearest_rank(const std::vector<double>& sorted, double share) {
  const auto rank = static_cast<std::size_t>(std::ceil(share * double(sorted.size())));
  return sorted[std::max<std::size_t>(rank, 1) - 1];
}

}  // namespace migfuzz
