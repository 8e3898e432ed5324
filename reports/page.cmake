# Embeds reports/page/{page.html,page.css,page.js} in the program, so that a report needs no files.
#
# Use: include(reports/page.cmake); migfuzz_embed_page(page_cpp); add_library(reports … ${page_cpp}).
# The function sets the variable it is given to the path of a generated .cpp; it is written again
# when one of the three files or this one changes. The same file is the script that writes it
# (cmake -D OUTPUT=… -P reports/page.cmake): byte arrays, because string literals have length limits.
set(MIGFUZZ_PAGE_DIR "${CMAKE_CURRENT_LIST_DIR}/page")

function(migfuzz_embed_page out_variable)
  set(output "${CMAKE_CURRENT_BINARY_DIR}/generated/reports_page.cpp")
  add_custom_command(
    OUTPUT "${output}"
    COMMAND "${CMAKE_COMMAND}" -D "OUTPUT=${output}" -P "${MIGFUZZ_PAGE_DIR}/../page.cmake"
    DEPENDS "${MIGFUZZ_PAGE_DIR}/page.html" "${MIGFUZZ_PAGE_DIR}/page.css"
            "${MIGFUZZ_PAGE_DIR}/page.js" "${MIGFUZZ_PAGE_DIR}/../page.cmake"
    COMMENT "Embedding the report page"
    VERBATIM)
  set(${out_variable} "${output}" PARENT_SCOPE)
endfunction()

function(_migfuzz_byte_array out_variable file)
  file(READ "${file}" hex HEX)
  string(REGEX REPLACE "(................................)" "\\1\n" hex "${hex}")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
  set(${out_variable} "${bytes}" PARENT_SCOPE)
endfunction()

if(CMAKE_SCRIPT_MODE_FILE)
  set(text "// Written by reports/page.cmake from reports/page/: do not edit.\n")
  string(APPEND text "#include \"reports/page.h\"\n\nnamespace migfuzz {\nnamespace {\n")
  foreach(kind html css js)
    _migfuzz_byte_array(bytes "${MIGFUZZ_PAGE_DIR}/page.${kind}")
    string(APPEND text "constexpr unsigned char k_${kind}[] = {\n${bytes}\n};\n")
  endforeach()
  string(APPEND text "}  // namespace\n\n")
  foreach(kind html css js)
    string(APPEND text "std::string_view page_${kind}() {\n"
      "  return {reinterpret_cast<const char*>(k_${kind}), sizeof k_${kind}};\n}\n")
  endforeach()
  string(APPEND text "}  // namespace migfuzz\n")
  file(WRITE "${OUTPUT}" "${text}")
endif()
