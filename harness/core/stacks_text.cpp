#include "harness/core/stacks_text.h"

#include <sstream>

namespace migfuzz {

std::string waits_for_side_channels(std::string_view stacks) {
  std::istringstream text{std::string(stacks)};
  bool migrates = false;
  for (std::string line; std::getline(text, line);) {
    if (line.starts_with("thread "))
      migrates = line.find("\"live_migration\"") != line.npos ||
                 line.find("\"mig/src/main\"") != line.npos;
    const auto function = line.find(" multifd_");
    if (!migrates || function == line.npos) continue;
    return line.substr(function + 1, line.find(' ', function + 1) - function - 1);
  }
  return "";
}

}  // namespace migfuzz
