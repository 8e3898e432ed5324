// The three ways in which the harness itself can stop, each with its own exit status.
//
// What can happen in a case is data (a Finding); what must not is one of these. Only the case
// boundary and main() catch them. Messages are one line: the input, the reason, the mend.
#pragma once

#include <stdexcept>
#include <string>

namespace migfuzz {

/// Bad input from the user: exit status 2.
struct UsageError : std::runtime_error {
  using std::runtime_error::runtime_error;
};
/// This machine cannot run what was asked: exit status 4.
struct CannotRun : std::runtime_error {
  using std::runtime_error::runtime_error;
};
/// The environment failed under a case: verdict `infra`.
struct InfraError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

}  // namespace migfuzz
