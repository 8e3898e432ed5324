// Which migfuzz this is, such as "1.2.0" or "1.2.0+3.g0123abcd".
//
// cmake/version.cmake writes the function when the program is built, from git's tags; its list says
// what the words mean. A version names the exact sources, so that a report can be traced to them;
// one that was built with changes that no commit has ends in ".dirty".
#pragma once

#include <string>

namespace migfuzz {

std::string built_version();

}  // namespace migfuzz
