# Says which version this is, when the program is built, from git's tags.
#
#   cmake -D SOURCE=DIR -D PROJECT=0.1.0 -D OUTPUT=DIR/version -P cmake/version.cmake
#
# writes OUTPUT.txt (the version alone) and OUTPUT.cpp (migfuzz::built_version()), and leaves both alone
# when nothing has changed, so that nothing is compiled again. It runs at every build, because a
# commit or a tag changes no source file.
#
#   tag v1.2.0                       1.2.0
#   3 commits behind it              1.2.0+3.g0123abcd
#   tag v1.2.0-rc1                   1.2.0~rc1
#   no tag yet, 40 commits           0.1.0~40.g0123abcd     (0.1.0 is that of project())
#   files were changed               .dirty behind any of these
#   an unpacked `git archive`        as the commit it was made of; without a tag 0.1.0~0.g0123abcd
#   neither git nor an archive       0.1.0~unknown
#
# Each is also a version of a Debian package, and they sort in that order.
cmake_minimum_required(VERSION 3.25)
set(described "")
set(hash "")
set(commits 0)

file(STRINGS "${SOURCE}/cmake/archive-version.txt" archive)
list(LENGTH archive lines)
if(NOT archive MATCHES "Format:")
  list(GET archive -1 hash)
  if(lines GREATER 1)
    list(GET archive 0 described)
  endif()
elseif(EXISTS "${SOURCE}/.git")
  find_program(GIT git)
  function(ask out_variable)
    execute_process(COMMAND "${CMAKE_COMMAND}" -E env GIT_OPTIONAL_LOCKS=0 "${GIT}" -C "${SOURCE}" ${ARGN}
                    OUTPUT_VARIABLE said ERROR_QUIET OUTPUT_STRIP_TRAILING_WHITESPACE)
    set(${out_variable} "${said}" PARENT_SCOPE)
  endfunction()
  if(GIT)
    ask(described describe --tags --match "v[0-9]*" --abbrev=8 --dirty)
    ask(hash describe --always --exclude "*" --abbrev=8 --dirty)
    ask(commits rev-list --count HEAD)
  endif()
endif()

set(dirty "")
if("${described}${hash}" MATCHES "-dirty$")
  set(dirty ".dirty")
endif()
string(REGEX REPLACE "-dirty$" "" described "${described}")
string(REGEX REPLACE "-dirty$" "" hash "${hash}")
if(described)
  set(behind "")
  if(described MATCHES "^(.*)-([0-9]+)-g([0-9a-f]+)$")
    set(described "${CMAKE_MATCH_1}")
    set(behind "+${CMAKE_MATCH_2}.g${CMAKE_MATCH_3}")
  endif()
  string(REGEX REPLACE "^v" "" version "${described}")
  string(REGEX REPLACE "[-.]?(alpha|beta|pre|rc)" "~\\1" version "${version}")
  string(REGEX REPLACE "[^0-9A-Za-z.+~]" "." version "${version}")
  if(dirty AND NOT behind)
    set(behind "+0")
  endif()
  set(version "${version}${behind}${dirty}")
elseif(hash)
  set(version "${PROJECT}~${commits}.g${hash}${dirty}")
else()
  set(version "${PROJECT}~unknown")
endif()

file(CONFIGURE OUTPUT "${OUTPUT}.txt" CONTENT "${version}\n")
file(CONFIGURE OUTPUT "${OUTPUT}.cpp" CONTENT
"// Written by cmake/version.cmake: do not edit.
#include \"harness/version.h\"

namespace migfuzz {
std::string built_version() { return \"${version}\"; }
}  // namespace migfuzz
")
