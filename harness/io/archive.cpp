#include "harness/io/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

#include "harness/core/error.h"
#include "harness/io/fd.h"
#include "harness/io/files.h"

namespace migfuzz::io {
namespace {

constexpr std::size_t kNameBytesMax = 128;
constexpr int kFiltersMax = 2;  // the compression, and libarchive's own end of the chain

struct Free {
  void operator()(archive* one) const { ::archive_free(one); }  // of readers and writers alike
  void operator()(archive_entry* one) const { ::archive_entry_free(one); }
};
using Handle = std::unique_ptr<archive, Free>;
using Entry = std::unique_ptr<archive_entry, Free>;

std::string reason(archive* one) {
  const char* text = ::archive_error_string(one);
  return text == nullptr ? "no reason given" : text;
}

la_ssize_t append(archive*, void* into, const void* bytes, std::size_t count) {
  static_cast<std::string*>(into)->append(static_cast<const char*>(bytes), count);
  return static_cast<la_ssize_t>(count);
}

// Letters, digits and ._- only, and no leading dot: neither a path nor anything hidden.
bool plain(const std::string& name) {
  const auto fits = [](unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  };
  return !name.empty() && name.size() <= kNameBytesMax && name.front() != '.' &&
         std::all_of(name.begin(), name.end(), fits);
}

// What a message may show of a name that a stranger chose.
std::string shown(const std::string& name) {
  std::string text = name.substr(0, 60);
  for (auto& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) > 0x7e) c = '?';
  return text + (name.size() > text.size() ? "..." : "");
}

// One archive being read: every refusal names the file and the rule.
class Reader {
 public:
  Reader(const std::string& path, const ArchiveLimits& limits) : path_(path), limits_(limits) {
    open_file();
    if (!archive_ || !entry_) refuse("there is no memory to read it");
    ::archive_read_support_filter_gzip(archive_.get());
    ::archive_read_support_filter_zstd(archive_.get());
    ::archive_read_support_format_tar(archive_.get());
    if (::archive_read_open_fd(archive_.get(), file_.get(), 65536) != ARCHIVE_OK)
      refuse("is not an archive: " + reason(archive_.get()));
  }

  Members all() {
    Members members;
    while (next()) {
      const auto name = member_name();
      if (members.size() == limits_.members_max)
        refuse(fmt::format("has more than {} members", limits_.members_max));
      if (members.count(name) != 0) refuse("has `" + shown(name) + "` twice");
      members.emplace(name, content(name));
    }
    if (members.empty()) refuse("is empty");
    return members;
  }

 private:
  [[noreturn]] void refuse(const std::string& what) const {
    throw UsageError(fmt::format("{}: {}; it is no bundle of migfuzz's", path_, what));
  }

  // O_NONBLOCK: a pipe in the place of a file must not hang the program.
  void open_file() {
    file_ = UniqueFd(::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!file_)
      throw UsageError(fmt::format("{}: cannot be read: {}", path_, std::strerror(errno)));
    struct stat status {};
    if (::fstat(file_.get(), &status) != 0 || !S_ISREG(status.st_mode)) refuse("is not a file");
    if (static_cast<std::uint64_t>(status.st_size) > limits_.packed_bytes_max)
      refuse(fmt::format("is larger than {} bytes", limits_.packed_bytes_max));
  }

  bool next() {
    const int rc = ::archive_read_next_header2(archive_.get(), entry_.get());
    if (rc == ARCHIVE_EOF) return false;
    if (rc != ARCHIVE_OK) refuse("is damaged or truncated: " + reason(archive_.get()));
    if (::archive_filter_count(archive_.get()) > kFiltersMax)
      refuse("is compressed more than once");
    return true;
  }

  // "FOLDER/NAME" of a plain file, the folder being the same for all.
  std::string member_name() {
    const char* raw = ::archive_entry_pathname(entry_.get());
    const std::string path = raw == nullptr ? "" : raw;
    const bool link = ::archive_entry_hardlink(entry_.get()) != nullptr ||
                      ::archive_entry_symlink(entry_.get()) != nullptr;
    if (link || ::archive_entry_filetype(entry_.get()) != AE_IFREG)
      refuse("has `" + shown(path) + "`, which is not a plain file");
    const auto slash = path.find('/');
    const auto folder = path.substr(0, slash);
    const auto name = slash == path.npos ? "" : path.substr(slash + 1);
    if (!plain(folder) || !plain(name))
      refuse("has `" + shown(path) + "`, which is not FOLDER/NAME");
    if (folder_.empty()) folder_ = folder;
    if (folder != folder_) refuse("has more than one folder");
    return name;
  }

  // Counts what comes out, whatever the header says of the size.
  std::string content(const std::string& name) {
    std::string text;
    std::array<char, 65536> chunk{};
    for (;;) {
      const auto n = ::archive_read_data(archive_.get(), chunk.data(), chunk.size());
      if (n < 0) refuse("is damaged or truncated at `" + name + "`: " + reason(archive_.get()));
      if (n == 0) break;
      text.append(chunk.data(), static_cast<std::size_t>(n));
      all_bytes_ += static_cast<std::size_t>(n);
      if (text.size() > limits_.member_bytes_max || all_bytes_ > limits_.all_bytes_max)
        refuse(fmt::format("unpacks to more than any bundle (at `{}`)", name));
    }
    // A sparse file is mostly holes, of any size that somebody wrote into its header.
    if (static_cast<std::uint64_t>(::archive_entry_size(entry_.get())) != text.size())
      refuse("has `" + name + "`, which is not as large as it says");
    return text;
  }

  const std::string path_;
  const ArchiveLimits limits_;
  UniqueFd file_;
  Handle archive_{::archive_read_new()};
  Entry entry_{::archive_entry_new()};
  std::string folder_;
  std::size_t all_bytes_ = 0;
};

}  // namespace

void write_archive(const std::string& path, const std::string& folder, const Members& members) {
  std::string packed;
  const Handle out(::archive_write_new());
  const Entry entry(::archive_entry_new());
  const auto check = [&](int rc) {
    if (rc < ARCHIVE_WARN)
      throw OutputError(fmt::format("{}: cannot be packed: {}", path, reason(out.get())));
  };
  if (!out || !entry) throw OutputError(path + ": cannot be packed: there is no memory");
  check(::archive_write_add_filter_gzip(out.get()));
  check(::archive_write_set_options(out.get(), "gzip:!timestamp"));
  check(::archive_write_set_format_pax_restricted(out.get()));
  check(::archive_write_open(out.get(), &packed, nullptr, append, nullptr));
  for (const auto& [name, content] : members) {
    ::archive_entry_clear(entry.get());
    ::archive_entry_set_pathname(entry.get(), (folder + "/" + name).c_str());
    ::archive_entry_set_size(entry.get(), static_cast<la_int64_t>(content.size()));
    ::archive_entry_set_filetype(entry.get(), AE_IFREG);
    ::archive_entry_set_perm(entry.get(), content.starts_with("#!") ? 0755 : 0644);
    ::archive_entry_set_mtime(entry.get(), 0, 0);
    check(::archive_write_header(out.get(), entry.get()));
    check(static_cast<int>(
        std::min<la_ssize_t>(0, ::archive_write_data(out.get(), content.data(), content.size()))));
  }
  check(::archive_write_close(out.get()));
  write_whole(path, packed);
}

bool is_archive(const std::string& path) {
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file) throw UsageError(fmt::format("{}: cannot be read: {}", path, std::strerror(errno)));
  std::array<unsigned char, 4> head{};
  const auto n = ::read(file.get(), head.data(), head.size());
  const bool gzip = n >= 2 && head[0] == 0x1f && head[1] == 0x8b;
  return gzip || (n == 4 && head == std::array<unsigned char, 4>{0x28, 0xb5, 0x2f, 0xfd});
}

Members read_archive(const std::string& path, const ArchiveLimits& limits) {
  return Reader(path, limits).all();
}

}  // namespace migfuzz::io
