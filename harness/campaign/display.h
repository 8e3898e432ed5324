// Shows progress where people look: several lines redrawn on a terminal, plain lines in a log.
//
//   terminal         several lines, redrawn in place at its width of that moment
//   dumb terminal    one line, written over
//   anything else    a line at most every 10 s
//
// What say() is given stays, above the lines that are redrawn.
#pragma once

#include <string>

#include "harness/campaign/progress.h"

namespace migfuzz {

class Display {
 public:
  /// `fd`: 1 or 2, where it writes; `quiet`: nowhere.
  Display(int fd, bool quiet);
  ~Display();  // what was drawn is left as it stands
  Display(const Display&) = delete;
  Display& operator=(const Display&) = delete;

  void say(const std::string& line);
  /// Whether it is time to draw.
  bool due() const;
  /// As often as one likes: it draws when it is due.
  void show(const Tally& tally);
  /// Takes back what is redrawn: something else is printed now.
  void clear();
  /// The state at the end, as one line that stays.
  void finish(const Tally& tally);

 private:
  void write(const std::string& text) const;
  std::string erased();

  int fd_;
  bool quiet_;
  bool terminal_ = false, moves_ = false;
  std::vector<std::size_t> drawn_;  // widths of the lines that stand there
  Clock::time_point last_;
};

}  // namespace migfuzz
