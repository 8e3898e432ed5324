// Files of the output folder: written whole or not at all.
//
// Each function throws OutputError with the path, the kernel's reason and what to do about it: an
// unwritable folder and a full disk are ordinary events of a long night.
#pragma once

#include <stdexcept>
#include <string>
#include <vector>

namespace migfuzz::io {

struct OutputError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Makes the folder and its parents; proves that it can be written to.
void make_output_folder(const std::string& path);
/// Writes beside the target and renames over it.
void write_whole(const std::string& path, const std::string& text);
/// Appends one line, in one write; a partial line of a full disk is taken back.
void append_line(const std::string& path, const std::string& line);
/// The text of a file of at most `bytes_max`; throws UsageError naming the path.
std::string read_input(const std::string& path, std::size_t bytes_max);
bool is_folder(const std::string& path);
/// Names of the plain files in a folder, sorted; none when there is no such folder.
std::vector<std::string> files_in(const std::string& path);
void remove_if_there(const std::string& path);

}  // namespace migfuzz::io
