// Every guest the harness can start, in the order in which `migfuzz list guests` shows them.
//
// A new guest is one folder beside this file and one line in catalog.cpp: no static registration,
// so that what a build contains can be read in one place. Each call makes new objects.
#pragma once

#include <memory>
#include <vector>

#include "harness/core/guest.h"

namespace migfuzz {

std::vector<std::unique_ptr<Guest>> all_guests();

}  // namespace migfuzz
