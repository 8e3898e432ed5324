// Progress for people: one live line on a terminal, plain lines now and then in a log.
#pragma once

#include <map>
#include <string>

#include "harness/core/result.h"

namespace migfuzz {

class Progress {
 public:
  enum class Style { live, plain, quiet };
  /// live when stderr is a terminal that can move its cursor; plain otherwise.
  static Style style_of_terminal(bool quiet);

  Progress(Style style, std::size_t total);
  void count(const CaseResult& result);
  void set_total(std::size_t total) { total_ = total; }
  /// A line that stays, above the live one.
  void say(const std::string& line);
  /// Ends the live line.
  void finish();

 private:
  void draw();
  std::string status() const;

  Style style_;
  std::size_t total_, done_ = 0;
  std::map<Verdict, std::size_t> verdicts_;
  Clock::time_point started_ = Clock::now(), drawn_;
};

}  // namespace migfuzz
