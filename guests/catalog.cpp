// The list itself: one line for each guest.
//
// Names must differ, for plans and --guest address a guest by its name (tested in
// tests/unit/tiny_test.cpp). The first one is the default.
#include "guests/catalog.h"

#include "guests/linux/linux.h"
#include "guests/tiny/tiny.h"

namespace migfuzz {

std::vector<std::unique_ptr<Guest>> all_guests() {
  std::vector<std::unique_ptr<Guest>> guests;
  guests.push_back(make_tiny());
  guests.push_back(make_linux());
  return guests;
}

}  // namespace migfuzz
