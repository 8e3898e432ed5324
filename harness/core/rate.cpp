#include "harness/core/rate.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace migfuzz {
namespace {

constexpr double kZ = 1.959963984540054;  // of the normal distribution: 95 %, two-sided
constexpr double kMissed = 0.05;          // tries that may miss a failure of that rate
constexpr std::uint64_t kRunsMax = 10000;

double centre(const Rate& rate) {
  const double n = double(rate.runs);
  return (double(rate.shown) + kZ * kZ / 2) / (n + kZ * kZ);
}

double half_width(const Rate& rate) {
  const double n = double(rate.runs), p = double(rate.shown) / n;
  return kZ / (n + kZ * kZ) * std::sqrt(n * p * (1 - p) + kZ * kZ / 4);
}

// P(fewer than `wanted` of `runs`), each with probability p: the first terms of the binomial sum.
double chance_of_fewer(double p, std::uint64_t runs, std::uint64_t wanted) {
  double term = std::pow(1 - p, double(runs)), sum = term;
  for (std::uint64_t k = 1; k < wanted; ++k) {
    term *= double(runs - k + 1) / double(k) * p / (1 - p);
    sum += term;
  }
  return sum;
}

}  // namespace

double Rate::least() const {
  if (runs == 0 || shown == 0) return 0;
  return std::max(0.0, centre(*this) - half_width(*this));
}

double Rate::most() const {
  if (runs == 0 || shown == runs) return 1;
  return std::min(1.0, centre(*this) + half_width(*this));
}

std::string to_string(const Rate& rate) {
  if (rate.runs == 0) return "not measured";
  return fmt::format("{} of {}, {:.0f} % (95 %: {:.0f}-{:.0f} %)", rate.shown, rate.runs,
                     100.0 * double(rate.shown) / double(rate.runs), 100 * rate.least(),
                     100 * rate.most());
}

std::uint64_t runs_needed(const Rate& rate, std::uint64_t wanted) {
  if (rate.shown == 0 || rate.runs == 0 || wanted == 0) return 0;
  const double p = std::min(double(rate.shown) / double(rate.runs), centre(rate));
  std::uint64_t runs = wanted;
  while (runs < kRunsMax && chance_of_fewer(p, runs, wanted) > kMissed) ++runs;
  return runs;
}

}  // namespace migfuzz
