# What is installed where, and the Debian package that `cpack` makes of it. scripts/package does all.
#
# The program needs no file: guest, report page and scripts are inside it. What lies beside it is
#
#   share/migfuzz/        known-issues.json, corpus/, schemas/: for options that take a file; contrib/
#   share/doc/migfuzz/    the documents as in the source tree, so that their links hold
#   share/man, and where the shells look for completions
#
# The version is known when the program is built, so whatever has it in it is made later:
# cmake/install_made.cmake at installing, cmake/package_config.cmake when cpack starts.
include(GNUInstallDirs)
option(MIGFUZZ_DEBIAN "Install what a Debian package must have, too" OFF)

set(CMAKE_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
    OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(MIGFUZZ_DATA "${CMAKE_INSTALL_DATADIR}/migfuzz")
set(MIGFUZZ_DOC "${CMAKE_INSTALL_DATADIR}/doc/migfuzz")

# A folder as in the source tree: scripts stay executable, whatever the umask of the checkout.
function(migfuzz_install_folder folder destination)
  install(DIRECTORY ${folder} DESTINATION "${destination}" USE_SOURCE_PERMISSIONS
          ${ARGN} PATTERN ".gitignore" EXCLUDE PATTERN "__pycache__" EXCLUDE)
endfunction()

install(TARGETS migfuzz)
install(FILES known-issues.json DESTINATION "${MIGFUZZ_DATA}")
migfuzz_install_folder(corpus "${MIGFUZZ_DATA}")
migfuzz_install_folder(contrib "${MIGFUZZ_DATA}")  # not with the documents: these may be left out
if(IS_DIRECTORY "${PROJECT_SOURCE_DIR}/reports/schemas")
  migfuzz_install_folder(reports/schemas "${MIGFUZZ_DATA}" FILES_MATCHING PATTERN "*.json")
endif()
install(FILES README.md ADDING.md ARCHITECTURE.md HACKING.md DESTINATION "${MIGFUZZ_DOC}")
migfuzz_install_folder(docs "${MIGFUZZ_DOC}")
install(CODE "set(MIGFUZZ_BUILD \"${PROJECT_BINARY_DIR}\")
set(MIGFUZZ_SOURCE \"${PROJECT_SOURCE_DIR}\")
set(MIGFUZZ_DEBIAN ${MIGFUZZ_DEBIAN})
set(MIGFUZZ_SHARE \"${CMAKE_INSTALL_DATADIR}\")
set(MIGFUZZ_MAN \"${CMAKE_INSTALL_MANDIR}\")")
install(SCRIPT cmake/install_made.cmake)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME migfuzz)
set(CPACK_PACKAGE_VENDOR migfuzz)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_PROJECT_CONFIG_FILE "${PROJECT_SOURCE_DIR}/cmake/package_config.cmake")
set(CPACK_MIGFUZZ_BUILD "${PROJECT_BINARY_DIR}")
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS ${CMAKE_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS})
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_PACKAGE_SECTION utils)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
# Libraries are found by dpkg-shlibdeps. Programs: QEMU, its firmware (qboot.rom), qemu-img.
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS
    "qemu-system-x86 (>= 1:7.2), qemu-system-data, qemu-utils, seabios")
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "jq, python3, sqlite3")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "fault-injection test harness for QEMU live migration")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION
"migfuzz breaks live migrations of real QEMUs at exact places and proves what
survived. It starts a source and a destination, holds the migration stream at
a chosen byte, injects one failure there, lets a manager recover, and checks
from outside that a consistent image of the VM runs on one host and on no more
than one.
.
Each failure is kept with its evidence and replayed with one command. Reports
are one HTML page, JUnit XML, Markdown and JSON.")
include(CPack)
