# Builds the payload of the guest `tiny` and embeds it.
#
# Include this from the top-level CMakeLists.txt. It defines
#   tiny_elf               a target that makes ${CMAKE_BINARY_DIR}/guests/tiny/tiny.elf
#   migfuzz_tiny_payload   an object library with migfuzz_tiny_elf_begin/_end; link it to whoever
#                          links guests/tiny/tiny.cpp
# The payload has a compiler and flags of its own (freestanding x86-64, whatever the harness is
# built for), so sanitizers and presets never reach it. Override with -DMIGFUZZ_PAYLOAD_CC=...
# The ELF depends only on its sources: no build id, no paths, no dates.

enable_language(ASM)
find_program(MIGFUZZ_PAYLOAD_CC NAMES x86_64-linux-gnu-gcc gcc REQUIRED)

set(migfuzz_tiny_dir "${CMAKE_CURRENT_LIST_DIR}")
set(migfuzz_tiny_elf "${CMAKE_BINARY_DIR}/guests/tiny/tiny.elf")
set(migfuzz_tiny_flags
    -std=c17 -O2 -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror
    -ffreestanding -fno-pic -fno-pie -no-pie -mno-red-zone -mgeneral-regs-only
    -fno-stack-protector -fcf-protection=none -fno-asynchronous-unwind-tables
    -nostdlib -static -Wl,--build-id=none -Wl,-z,noexecstack -Wl,-z,max-page-size=4096)

add_custom_command(
  OUTPUT "${migfuzz_tiny_elf}"
  COMMAND "${CMAKE_COMMAND}" -E make_directory "${CMAKE_BINARY_DIR}/guests/tiny"
  COMMAND "${MIGFUZZ_PAYLOAD_CC}" ${migfuzz_tiny_flags} -I "${migfuzz_tiny_dir}/../.."
          -T "${migfuzz_tiny_dir}/payload/link.ld" -o "${migfuzz_tiny_elf}"
          "${migfuzz_tiny_dir}/payload/boot.S" "${migfuzz_tiny_dir}/payload/main.c"
  DEPENDS "${migfuzz_tiny_dir}/payload/boot.S" "${migfuzz_tiny_dir}/payload/main.c"
          "${migfuzz_tiny_dir}/payload/console.h" "${migfuzz_tiny_dir}/payload/disk.h"
          "${migfuzz_tiny_dir}/payload/ports.h"
          "${migfuzz_tiny_dir}/payload/link.ld" "${migfuzz_tiny_dir}/layout.h"
          "${migfuzz_tiny_dir}/../closed_form/engine.h" "${migfuzz_tiny_dir}/../closed_form/form.h"
          "${migfuzz_tiny_dir}/../closed_form/journal.h" "${migfuzz_tiny_dir}/../closed_form/mix.h"
  COMMENT "payload tiny.elf"
  VERBATIM)
add_custom_target(tiny_elf DEPENDS "${migfuzz_tiny_elf}")

add_library(migfuzz_tiny_payload OBJECT "${migfuzz_tiny_dir}/payload/embed.S")
set_source_files_properties("${migfuzz_tiny_dir}/payload/embed.S" PROPERTIES
  COMPILE_DEFINITIONS "MIGFUZZ_TINY_ELF=\"${migfuzz_tiny_elf}\""
  OBJECT_DEPENDS "${migfuzz_tiny_elf}")
add_dependencies(migfuzz_tiny_payload tiny_elf)
