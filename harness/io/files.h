// Files of the output folder: written whole or not at all.
//
// Each function throws OutputError with the path, the kernel's reason and what to do about it: an
// unwritable folder and a full disk are ordinary events of a long night.
#pragma once

#include <stdexcept>
#include <string>
#include <vector>

#include "harness/io/fd.h"

namespace migfuzz::io {

struct OutputError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Makes the folder and its parents; proves that it can be written to.
void make_output_folder(const std::string& path);
/// Writes beside the target and renames over it.
void write_whole(const std::string& path, const std::string& text);
/// Writes a file that was not there, whole; false, and nothing done, when there is one.
bool write_new(const std::string& path, const std::string& text);
/// Appends one line, in one write; a partial line of a full disk is taken back.
void append_line(const std::string& path, const std::string& line);
/// The text of a file of at most `bytes_max`; throws UsageError naming the path.
std::string read_input(const std::string& path, std::size_t bytes_max);
bool is_folder(const std::string& path);
bool is_there(const std::string& path);
bool is_file(const std::string& path);
/// Names of the plain files in a folder, sorted; none when there is no such folder. Throws
/// UsageError naming a folder that cannot be listed.
std::vector<std::string> files_in(const std::string& path);
void remove_if_there(const std::string& path);
/// Moves within one file system, whole or not at all.
void move(const std::string& from, const std::string& to);
/// Copies the plain files of a folder, without those below it; replaces what `to` held.
void copy_folder(const std::string& from, const std::string& to);

/// Throws InfraError naming the path.
UniqueFd open_for_reading(const std::string& path);
/// Writes the non-zero pages of a whole file to a new file of the same size; the rest are holes.
/// Both throw InfraError.
void write_data(const std::string& path, int from);
/// The same into an open file that is all holes.
void copy_data(int to, int from);

/// One process at a time: waits for the others.
class WaitingLock {
 public:
  explicit WaitingLock(const std::string& path);

 private:
  UniqueFd fd_;
};

/// One process at a time writes an output folder: its lock, gone with the process however it ends.
class FolderLock {
 public:
  /// Throws OutputError when another process holds it.
  explicit FolderLock(const std::string& folder);

 private:
  UniqueFd fd_;
};

}  // namespace migfuzz::io
