// A mode as QEMU knows it: capabilities and parameters set over QMP, and whether it takes them.
//
// What a QEMU can do is asked with exactly the settings that a case would use, once as a source and
// once as a destination (some features need the host's kernel at one end only: post-copy needs
// userfaultfd where pages arrive). Its refusal is kept in its own words.
#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "harness/core/guest.h"
#include "harness/core/mode.h"
#include "harness/io/loop.h"
#include "harness/io/qmp.h"

namespace migfuzz {

/// Arguments of migrate-set-capabilities that switch on those of the mode and `more`.
nlohmann::json capabilities_of(const Mode& mode, const std::vector<std::string>& more);
/// Arguments of migrate-set-parameters; empty when the mode has none.
nlohmann::json parameters_of(const Mode& mode);
/// Sets both on one host. Throws InfraError with QEMU's words.
void set_mode(io::Qmp& monitor, const Mode& mode, const std::vector<std::string>& more,
              Clock::time_point deadline);

/// Of `modes` those that the binary refuses at one of the two ends, each with the reason.
std::map<std::string, std::string> refused_modes(io::Loop& loop, const std::string& binary,
                                                 const std::string& accel,
                                                 const std::string& machine, const Guest& guest,
                                                 const GuestShape& shape,
                                                 const std::vector<std::string>& modes);

}  // namespace migfuzz
