// Every protocol, one line each. Adding one: its file, its line in catalog.cpp and its make_ here.
#pragma once

#include <memory>
#include <vector>

#include "harness/core/protocol.h"

namespace migfuzz {

std::unique_ptr<Protocol> make_handshake();
std::unique_ptr<Protocol> make_autostart();

std::vector<std::unique_ptr<Protocol>> all_protocols();

}  // namespace migfuzz
