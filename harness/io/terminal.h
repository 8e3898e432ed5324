// What a terminal is like that people read: how wide, and whether it can do more than print.
#pragma once

#include <optional>

namespace migfuzz::io {

struct Terminal {
  unsigned columns = 80, rows = 24;  // as they are now: they change while a program runs
  bool moves = false;                // its cursor can be moved: TERM is not "dumb"
  bool colours = false;              // it moves, and NO_COLOR is not set
};

/// Nothing: the descriptor is no terminal.
std::optional<Terminal> terminal(int fd);

}  // namespace migfuzz::io
