#include "harness/io/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>

namespace migfuzz::io {

std::optional<Terminal> terminal(int fd) {
  if (::isatty(fd) != 1) return std::nullopt;
  Terminal found;
  winsize size{};
  if (::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 0) {
    found.columns = size.ws_col;
    found.rows = size.ws_row;
  }
  const char* name = std::getenv("TERM");
  found.moves = name != nullptr && *name != '\0' && std::string_view(name) != "dumb";
  const char* plain = std::getenv("NO_COLOR");  // https://no-color.org: set, and not empty
  found.colours = found.moves && (plain == nullptr || *plain == '\0');
  return found;
}

}  // namespace migfuzz::io
