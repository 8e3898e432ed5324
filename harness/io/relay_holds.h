// The places at which one lane of the relay is to stand, and at which it stands.
//
// Values and counting only: it sees points go by and says up to which byte each direction may pass.
// A place is released before or after its point has come; either way it holds no more.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "harness/core/point.h"

namespace migfuzz::io {

class Holds {
 public:
  /// Once for each trigger; a second time changes nothing.
  void arm(const Trigger& trigger);
  /// A point lies at `offset` of that direction; true when a place was found by it.
  bool see(Phase phase, const std::string& name, std::uint64_t offset, bool forth);
  /// Those that were found by the point that was seen last hold nothing.
  void pass_last();
  /// False when it was released before, or is not known.
  bool release(const Trigger& trigger);
  void release_all();

  /// The first byte of that direction that may not pass.
  std::uint64_t barrier(bool forth) const;
  /// Some place lies ahead in that direction, or the direction stands at it.
  bool any(bool forth) const;
  /// That many bytes have passed: the places at which the direction stands only now.
  std::vector<Trigger> reached(bool forth, std::uint64_t passed);
  std::vector<Trigger> standing() const;
  /// Those whose point has not come and that are still wanted.
  std::vector<Trigger> waiting() const;
  std::vector<Trigger> unreleased() const;

 private:
  struct Hold {
    Trigger trigger;
    std::uint32_t seen = 0;             // how often the point has come
    bool placed = false, forth = true;  // it has come: there, in that direction
    std::uint64_t offset = 0;
    bool reached = false, released = false, last = false;
    bool left_over = false;  // the channel was cut before it came
    bool ahead(bool in_forth) const { return placed && !released && forth == in_forth; }
  };
  std::vector<Hold> all_;
};

}  // namespace migfuzz::io
