# Builds the workload of the guest `linux`, a static program for its x86-64 Linux, and embeds it.
#
# Include this behind tiny/payload.cmake. It defines migfuzz_linux_payload, an object library with
# migfuzz_linux_workload_begin/_end; link it to whoever links guests/linux/linux.cpp. The workload
# has a compiler and flags of its own, so sanitizers and presets never reach it. Override with
# -DMIGFUZZ_PAYLOAD_CXX=...

find_program(MIGFUZZ_PAYLOAD_CXX NAMES x86_64-linux-gnu-g++ g++ REQUIRED)

set(migfuzz_linux_dir "${CMAKE_CURRENT_LIST_DIR}")
set(migfuzz_linux_workload "${CMAKE_BINARY_DIR}/guests/linux/workload")
set(migfuzz_linux_flags
    -std=c++20 -O2 -Wall -Wextra -Wshadow -Werror -static -s -pthread -Wl,--build-id=none)

add_custom_command(
  OUTPUT "${migfuzz_linux_workload}"
  COMMAND "${CMAKE_COMMAND}" -E make_directory "${CMAKE_BINARY_DIR}/guests/linux"
  COMMAND "${MIGFUZZ_PAYLOAD_CXX}" ${migfuzz_linux_flags} -I "${migfuzz_linux_dir}/../.."
          -o "${migfuzz_linux_workload}" "${migfuzz_linux_dir}/payload/workload.cpp"
  DEPENDS "${migfuzz_linux_dir}/payload/workload.cpp" "${migfuzz_linux_dir}/mailbox.h"
          "${migfuzz_linux_dir}/network.h"
          "${migfuzz_linux_dir}/../closed_form/engine.h" "${migfuzz_linux_dir}/../closed_form/form.h"
          "${migfuzz_linux_dir}/../closed_form/journal.h" "${migfuzz_linux_dir}/../closed_form/mix.h"
  COMMENT "payload workload (linux)"
  VERBATIM)
add_custom_target(linux_workload DEPENDS "${migfuzz_linux_workload}")

add_library(migfuzz_linux_payload OBJECT "${migfuzz_linux_dir}/payload/embed.S")
set_source_files_properties("${migfuzz_linux_dir}/payload/embed.S" PROPERTIES
  COMPILE_DEFINITIONS "MIGFUZZ_LINUX_WORKLOAD=\"${migfuzz_linux_workload}\""
  OBJECT_DEPENDS "${migfuzz_linux_workload}")
add_dependencies(migfuzz_linux_payload linux_workload)
