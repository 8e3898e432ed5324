// Archives of small text files: made whole, and read as what they are: input from a stranger.
//
// A bundle of evidence travels by mail and bug tracker, so whatever it holds is refused unless it
// is a gzip'd or zstd'd tar of plain files in one folder. Members are read into memory by name
// within bounds; nothing is ever unpacked to disk and no path of the archive is ever opened.
// libarchive does the work, and only this file knows of it.
#pragma once

#include <cstddef>
#include <map>
#include <string>

namespace migfuzz::io {

struct ArchiveLimits {
  std::size_t packed_bytes_max = std::size_t{64} << 20;  // of the file itself
  std::size_t member_bytes_max = std::size_t{64} << 20;
  std::size_t all_bytes_max = std::size_t{192} << 20;  // of all members together
  std::size_t members_max = 64;
};

/// Content by file name, without any folder.
using Members = std::map<std::string, std::string>;

/// Writes `path`, a gzip'd tar with the members below `folder`, whole or not at all. The same
/// members make the same bytes: no dates, owners or modes of this machine. Throws OutputError.
void write_archive(const std::string& path, const std::string& folder, const Members& members);

/// True when the file begins as gzip or zstd do. Throws UsageError when it cannot be read.
bool is_archive(const std::string& path);

/// All members. Throws UsageError, one line with the path and what is wrong, for anything that is
/// not plain files of plain names in one folder within the limits.
Members read_archive(const std::string& path, const ArchiveLimits& limits = {});

}  // namespace migfuzz::io
