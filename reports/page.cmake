# Embeds reports/page/ in the program, so that a report needs no files.
#
# Use: include(reports/page.cmake); migfuzz_embed_page(page_cpp); add_library(reports … ${page_cpp}).
# The function sets the variable it is given to the path of a generated .cpp; it is written again
# when a file of the page or this one changes. The same file is the script that writes it
# (cmake -D OUTPUT=… -P reports/page.cmake): byte arrays, because string literals have length limits.
set(MIGFUZZ_PAGE_DIR "${CMAKE_CURRENT_LIST_DIR}/page")
# In the order in which one builds on the other.
set(MIGFUZZ_PAGE_SCRIPTS base map list timeline case main)

function(migfuzz_embed_page out_variable)
  set(output "${CMAKE_CURRENT_BINARY_DIR}/generated/reports_page.cpp")
  list(TRANSFORM MIGFUZZ_PAGE_SCRIPTS APPEND ".js" OUTPUT_VARIABLE files)
  list(APPEND files page.html page.css)
  list(TRANSFORM files PREPEND "${MIGFUZZ_PAGE_DIR}/")
  add_custom_command(
    OUTPUT "${output}"
    COMMAND "${CMAKE_COMMAND}" -D "OUTPUT=${output}" -P "${MIGFUZZ_PAGE_DIR}/../page.cmake"
    DEPENDS ${files} "${MIGFUZZ_PAGE_DIR}/../page.cmake"
    COMMENT "Embedding the report page"
    VERBATIM)
  set(${out_variable} "${output}" PARENT_SCOPE)
endfunction()

# The bytes of `file` as a C array's elements.
function(_migfuzz_bytes_of_file out_variable file)
  file(READ "${file}" hex HEX)
  string(REGEX REPLACE "(................................)" "\\1\n" hex "${hex}")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
  set(${out_variable} "${bytes}" PARENT_SCOPE)
endfunction()

if(CMAKE_SCRIPT_MODE_FILE)
  set(text "// Written by reports/page.cmake from reports/page/: do not edit.\n")
  string(APPEND text "#include \"reports/page.h\"\n\nnamespace migfuzz {\nnamespace {\n")
  # "'use strict';(() => {\n" and "})();\n" around all scripts: nothing of them is global.
  set(open "0x27,0x75,0x73,0x65,0x20,0x73,0x74,0x72,0x69,0x63,0x74,0x27,0x3b,0x28,0x28,0x29,0x20,")
  string(APPEND open "0x3d,0x3e,0x20,0x7b,0x0a,\n")
  set(close "0x7d,0x29,0x28,0x29,0x3b,0x0a,\n")
  set(js "${open}")
  foreach(script IN LISTS MIGFUZZ_PAGE_SCRIPTS)
    _migfuzz_bytes_of_file(bytes "${MIGFUZZ_PAGE_DIR}/${script}.js")
    string(APPEND js "${bytes}\n")
  endforeach()
  string(APPEND js "${close}")
  _migfuzz_bytes_of_file(html "${MIGFUZZ_PAGE_DIR}/page.html")
  _migfuzz_bytes_of_file(css "${MIGFUZZ_PAGE_DIR}/page.css")
  foreach(kind html css js)
    string(APPEND text "constexpr unsigned char k_${kind}[] = {\n${${kind}}\n};\n")
  endforeach()
  string(APPEND text "}  // namespace\n\n")
  foreach(kind html css js)
    string(APPEND text "std::string_view page_${kind}() {\n"
      "  return {reinterpret_cast<const char*>(k_${kind}), sizeof k_${kind}};\n}\n")
  endforeach()
  string(APPEND text "}  // namespace migfuzz\n")
  file(WRITE "${OUTPUT}" "${text}")
endif()
