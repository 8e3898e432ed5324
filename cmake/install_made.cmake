# Run when migfuzz is installed: the files that are made then, below DESTDIR and the prefix.
#
# Manual pages and completions are what the built program prints (`migfuzz man`, `migfuzz
# completion`), and left out where it has no such command. migfuzz(1) names the other pages. With
# MIGFUZZ_DEBIAN also the four files that Debian asks of every package.
# Packed files carry no name and no date: the same sources give the same package.
set(root "$ENV{DESTDIR}${CMAKE_INSTALL_PREFIX}")
set(share "${root}/${MIGFUZZ_SHARE}")
set(doc "${share}/doc/migfuzz")

function(pack text_file)
  execute_process(COMMAND gzip -9nf "${text_file}" COMMAND_ERROR_IS_FATAL ANY)
endfunction()

# What the program prints into a file; `made` says whether it knows the command.
function(printed path)
  set(made FALSE PARENT_SCOPE)
  execute_process(COMMAND "${MIGFUZZ_BUILD}/migfuzz" ${ARGN}
                  RESULT_VARIABLE status OUTPUT_VARIABLE text ERROR_QUIET)
  if(status EQUAL 0 AND text)
    file(WRITE "${path}" "${text}")
    message(STATUS "Installing: ${path}")
    set(made TRUE PARENT_SCOPE)
  else()
    string(JOIN " " words ${ARGN})
    message(STATUS "Not installed: what `migfuzz ${words}` prints; this build has no such command")
  endif()
endfunction()

set(man "${root}/${MIGFUZZ_MAN}/man1")
printed("${man}/migfuzz.1" man)
if(made)
  file(STRINGS "${man}/migfuzz.1" others REGEX "^\\.BR migfuzz\\\\-[a-z]+ \\(1\\)")
  foreach(line IN LISTS others)
    string(REGEX MATCH "-([a-z]+) " name "${line}")
    list(APPEND commands "${CMAKE_MATCH_1}")
  endforeach()
  list(REMOVE_DUPLICATES commands)
  pack("${man}/migfuzz.1")
  foreach(name IN LISTS commands)
    printed("${man}/migfuzz-${name}.1" man ${name})
    pack("${man}/migfuzz-${name}.1")
  endforeach()
endif()

printed("${share}/bash-completion/completions/migfuzz" completion bash)
printed("${share}/zsh/vendor-completions/_migfuzz" completion zsh)
printed("${share}/fish/vendor_completions.d/migfuzz.fish" completion fish)

if(MIGFUZZ_DEBIAN)
  set(CPACK_MIGFUZZ_BUILD "${MIGFUZZ_BUILD}")
  include("${MIGFUZZ_SOURCE}/cmake/package_config.cmake")  # version and maintainer
  string(TIMESTAMP date "%a, %d %b %Y %H:%M:%S +0000" UTC)  # SOURCE_DATE_EPOCH, where it is set
  configure_file("${MIGFUZZ_SOURCE}/packaging/changelog.in" "${doc}/changelog.Debian" @ONLY)
  pack("${doc}/changelog.Debian")
  configure_file("${MIGFUZZ_SOURCE}/CHANGELOG.md" "${doc}/changelog" COPYONLY)
  pack("${doc}/changelog")
  configure_file("${MIGFUZZ_SOURCE}/packaging/copyright" "${doc}/copyright" COPYONLY)
  configure_file("${MIGFUZZ_SOURCE}/packaging/lintian-overrides"
                 "${share}/lintian/overrides/migfuzz" COPYONLY)
endif()
foreach(link contrib examples)
  file(CREATE_LINK ../../migfuzz/contrib "${doc}/${link}" SYMBOLIC)
endforeach()
