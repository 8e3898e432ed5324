# Embeds reports/page/ in the program, so that a report needs no files.
#
# Use: include(reports/page.cmake); migfuzz_embed_page(page_cpp); add_library(reports … ${page_cpp}).
# The function sets the variable it is given to the path of a generated .cpp; it is written again
# when a file of the page or this one changes. The same file is the script that writes it
# (cmake -D OUTPUT=… -D D3=… -P reports/page.cmake): byte arrays, because string literals have length
# limits.
#
# D3 is that of Debian's package node-d3. It stands in front of the page's scripts, inside their
# function, as the constant `d3`: nothing becomes global, and no second <script> is needed.
set(MIGFUZZ_PAGE_DIR "${CMAKE_CURRENT_LIST_DIR}/page")
# In the order in which one builds on the other.
set(MIGFUZZ_PAGE_SCRIPTS base rows filter heat map findings list timeline timeline_view case
    measurements trends main)

function(migfuzz_embed_page out_variable)
  find_file(MIGFUZZ_D3 d3.min.js PATHS /usr/share/nodejs/d3/dist /usr/share/javascript/d3
            NO_DEFAULT_PATH)
  if(NOT MIGFUZZ_D3)
    message(FATAL_ERROR "d3.min.js is not here; install the package node-d3, or give -D MIGFUZZ_D3=FILE")
  endif()
  set(output "${CMAKE_CURRENT_BINARY_DIR}/generated/reports_page.cpp")
  list(TRANSFORM MIGFUZZ_PAGE_SCRIPTS APPEND ".js" OUTPUT_VARIABLE files)
  list(APPEND files page.html page.css case.css d3-licence.txt)
  list(TRANSFORM files PREPEND "${MIGFUZZ_PAGE_DIR}/")
  add_custom_command(
    OUTPUT "${output}"
    COMMAND "${CMAKE_COMMAND}" -D "OUTPUT=${output}" -D "D3=${MIGFUZZ_D3}"
            -P "${MIGFUZZ_PAGE_DIR}/../page.cmake"
    DEPENDS ${files} "${MIGFUZZ_D3}" "${MIGFUZZ_PAGE_DIR}/../page.cmake"
    COMMENT "Embedding the report page"
    VERBATIM)
  set(${out_variable} "${output}" PARENT_SCOPE)
endfunction()

# The bytes of `text` as a C array's elements.
function(_migfuzz_bytes_of_text out_variable text)
  string(HEX "${text}" hex)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
  set(${out_variable} "${bytes}\n" PARENT_SCOPE)
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
  # A text that ends its <script> would let the rest of the file loose on the page.
  file(STRINGS "${D3}" ends REGEX "</[sS][cC][rR][iI][pP][tT]|<!--" LIMIT_COUNT 1)
  if(ends)
    message(FATAL_ERROR "${D3}: holds text that would end its <script>; use that of node-d3 5.16")
  endif()
  _migfuzz_bytes_of_text(open "'use strict';(() => {\n")
  _migfuzz_bytes_of_text(d3_open "const d3 = {};\n((exports, module) => {\n")
  _migfuzz_bytes_of_text(d3_close "})(d3, {});\n")
  _migfuzz_bytes_of_text(close "})();\n")
  _migfuzz_bytes_of_file(licence "${MIGFUZZ_PAGE_DIR}/d3-licence.txt")
  _migfuzz_bytes_of_file(d3 "${D3}")
  set(js "${open}${licence}${d3_open}${d3}${d3_close}")
  foreach(script IN LISTS MIGFUZZ_PAGE_SCRIPTS)
    _migfuzz_bytes_of_file(bytes "${MIGFUZZ_PAGE_DIR}/${script}.js")
    string(APPEND js "${bytes}\n")
  endforeach()
  string(APPEND js "${close}")
  _migfuzz_bytes_of_file(html "${MIGFUZZ_PAGE_DIR}/page.html")
  _migfuzz_bytes_of_file(css "${MIGFUZZ_PAGE_DIR}/page.css")
  _migfuzz_bytes_of_file(case_css "${MIGFUZZ_PAGE_DIR}/case.css")
  string(APPEND css "${case_css}")
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
