#include "harness/protocols/catalog.h"

namespace migfuzz {

std::vector<std::unique_ptr<Protocol>> all_protocols() {
  std::vector<std::unique_ptr<Protocol>> all;
  all.push_back(make_handshake());
  all.push_back(make_autostart());
  return all;
}

}  // namespace migfuzz
