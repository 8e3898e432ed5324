// Archives: what is packed comes back, and what a stranger has made is refused in one line.
//
// The hostile ones are made by hand, byte by byte, because no archiver would. Run alone: io_tests
// "[archive]".
#include "harness/io/archive.h"

#include <sys/stat.h>
#include <zlib.h>

#include <catch2/catch.hpp>
#include <optional>
#include <random>

#include "harness/core/error.h"
#include "harness/io/files.h"
#include "tests/io/temporary.h"

namespace migfuzz {
namespace {

using Catch::Matchers::Contains;
using io::read_archive;

// --- archives by hand --------------------------------------------------------------------------

struct Member {
  std::string name, content;
  char type = '0';       // '0' file, '1' hard link, '2' symbolic link, '5' folder
  std::string target{};  // of a link
  std::optional<std::uint64_t> told_size{};  // in the place of the content's own
};

std::string octal(std::uint64_t value, std::size_t digits) {
  std::string text(digits, '0');
  for (auto at = digits; at > 0 && value > 0; value /= 8)
    text[--at] = static_cast<char>('0' + value % 8);
  return text;
}

std::string header(const Member& member) {
  std::string block(512, '\0');
  const auto put = [&](std::size_t at, const std::string& text) {
    block.replace(at, text.size(), text);
  };
  put(0, member.name.substr(0, 100));
  put(100, "0000644");
  put(108, "0000000");
  put(116, "0000000");
  put(124, octal(member.told_size.value_or(member.content.size()), 11));
  put(136, "00000000000");
  block[156] = member.type;
  put(157, member.target);
  put(257, std::string("ustar\0"
                       "00",
                       8));
  put(148, "        ");
  unsigned sum = 0;
  for (const unsigned char c : block) sum += c;
  put(148, octal(sum, 6) + std::string("\0 ", 2));
  return block;
}

std::string tar(const std::vector<Member>& members) {
  std::string text;
  for (const auto& member : members) {
    text += header(member) + member.content;
    text.resize((text.size() + 511) / 512 * 512, '\0');
  }
  return text + std::string(1024, '\0');
}

std::string gzip(const std::string& text) {
  z_stream stream{};
  deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, text.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

// What reading it says; empty when it is accepted.
std::string refusal(const std::string& bytes, const io::ArchiveLimits& limits = {}) {
  const fakes::TemporaryFolder folder;
  const auto path = folder / "x.tar.gz";
  io::write_whole(path, bytes);
  try {
    read_archive(path, limits);
  } catch (const UsageError& error) {
    const std::string what = error.what();
    CHECK_THAT(what, Contains("x.tar.gz"));
    CHECK(what.find('\n') == what.npos);
    return what;
  }
  return "";
}

std::string refusal_of(const std::vector<Member>& members) { return refusal(gzip(tar(members))); }

// --- what is made here -------------------------------------------------------------------------

TEST_CASE("What is packed comes back, and the same members make the same bytes", "[archive]") {
  const fakes::TemporaryFolder folder;
  const io::Members members{
      {"plan.json", "{}\n"}, {"empty", ""}, {"b.log", std::string(3 << 20, 'x')}};
  io::write_archive(folder / "one.tar.gz", "top", members);
  io::write_archive(folder / "two.tar.gz", "top", members);
  CHECK(io::is_archive(folder / "one.tar.gz"));
  CHECK(read_archive(folder / "one.tar.gz") == members);
  CHECK(io::read_input(folder / "one.tar.gz", 1 << 20) ==
        io::read_input(folder / "two.tar.gz", 1 << 20));
}

TEST_CASE("An archive that tar and gzip make by hand is read, too", "[archive]") {
  CHECK(refusal_of({{"d/plan.json", "{}"}, {"d/b", ""}}).empty());
}

// --- what strangers make -----------------------------------------------------------------------

TEST_CASE("Names that lead elsewhere are refused", "[archive]") {
  for (const auto* name :
       {"../plan.json", "d/../plan.json", "/etc/passwd", "d/e/plan.json", "plan.json", "d/", "d/..",
        "d/.hidden", "./d/plan.json", "d//plan.json", "d/pl\\an", "d/a b", "..", "/"}) {
    INFO(name);
    CHECK_THAT(refusal_of({{name, "x"}}), Contains("is no bundle of migfuzz's"));
  }
}

TEST_CASE("A name is shown without its control characters", "[archive]") {
  const auto what = refusal_of({{"d/\x1b[2Jname\n", "x"}});
  CHECK_THAT(what, Contains("d/?[2Jname?"));
}

TEST_CASE("Links, folders and devices are refused", "[archive]") {
  CHECK_THAT(refusal_of({{"d/plan.json", "", '2', "/etc/passwd"}}), Contains("not a plain file"));
  CHECK_THAT(refusal_of({{"d/plan.json", "", '1', "d/other"}}), Contains("not a plain file"));
  CHECK_THAT(refusal_of({{"d/plan.json", "", '3'}}), Contains("not a plain file"));
  CHECK_THAT(refusal_of({{"d/plan.json", "", '6'}}), Contains("not a plain file"));
  CHECK_THAT(refusal_of({{"d/x", "", '5'}}), Contains("not a plain file"));
}

TEST_CASE("A member twice, two folders and too many members are refused", "[archive]") {
  CHECK_THAT(refusal_of({{"d/a", "1"}, {"d/a", "2"}}), Contains("twice"));
  CHECK_THAT(refusal_of({{"d/a", "1"}, {"e/b", "2"}}), Contains("more than one folder"));
  std::vector<Member> many;
  for (int i = 0; i < 65; ++i) many.push_back({"d/" + std::to_string(i), "x"});
  CHECK_THAT(refusal_of(many), Contains("more than 64 members"));
}

TEST_CASE("A bomb is refused as soon as it is over the limit", "[archive]") {
  io::ArchiveLimits limits;
  limits.member_bytes_max = 1 << 20;
  limits.all_bytes_max = 3 << 19;
  const std::string zeros(48 << 20, '\0');
  CHECK_THAT(refusal(gzip(tar({{"d/a", zeros}})), limits), Contains("unpacks to more"));
  const std::string part(1 << 20, '\0');
  CHECK_THAT(refusal(gzip(tar({{"d/a", part}, {"d/b", part}})), limits),
             Contains("unpacks to more"));
}

TEST_CASE("An archive in an archive's compression is refused", "[archive]") {
  CHECK_THAT(refusal(gzip(gzip(tar({{"d/plan.json", "{}"}})))), Contains("no bundle"));
}

TEST_CASE("A size that is only told is not believed", "[archive]") {
  Member liar{"d/plan.json", "short", '0', "", std::uint64_t{7} << 30};
  CHECK_THAT(refusal_of({liar}), Contains("no bundle"));
}

// Old GNU sparse file: one map entry, and a real size of 8 GiB - 1 in a few bytes.
TEST_CASE("A sparse file of many gigabytes is refused", "[archive]") {
  auto block = header({"d/plan.json", "", 'S'});
  const auto put = [&](std::size_t at, const std::string& text) {
    block.replace(at, text.size(), text);
  };
  put(257, std::string("ustar  \0", 8));
  put(386, std::string("77777777000\0"
                       "00000000000\0",
                       24));
  put(483, "77777777777");
  put(148, "        ");
  unsigned sum = 0;
  for (const unsigned char c : block) sum += c;
  put(148, octal(sum, 6) + std::string("\0 ", 2));
  io::ArchiveLimits limits;
  limits.member_bytes_max = limits.all_bytes_max = 8 << 20;
  CHECK_THAT(refusal(gzip(block + std::string(1024, '\0')), limits), Contains("no bundle"));
}

TEST_CASE("What is cut anywhere is refused, never half believed", "[archive]") {
  std::mt19937 random(7);
  std::string noise(40000, '\0');
  for (auto& c : noise) c = static_cast<char>(random());
  const auto whole = gzip(tar({{"d/a", noise}, {"d/plan.json", "{}"}}));
  REQUIRE(refusal(whole).empty());
  for (std::size_t i = 0; i < 64; ++i) {
    const auto size = whole.size() * i / 64;
    INFO(size << " of " << whole.size());
    CHECK_FALSE(refusal(whole.substr(0, size)).empty());
  }
  CHECK_FALSE(refusal(whole.substr(0, whole.size() - 1)).empty());
}

TEST_CASE("Damaged bytes are read or refused, and nothing else happens", "[archive]") {
  std::mt19937 random(11);
  const auto whole = gzip(tar({{"d/a", std::string(2000, 'a')}, {"d/plan.json", "{}"}}));
  const auto bare = tar({{"d/a", std::string(2000, 'a')}, {"d/plan.json", "{}"}});
  std::size_t refused = 0;
  for (int i = 0; i < 300; ++i) {
    auto bytes = i % 2 == 0 ? whole : bare;
    for (int k = 0; k < 3; ++k) bytes[random() % bytes.size()] ^= static_cast<char>(random());
    refused += refusal(i % 2 == 0 ? bytes : gzip(bytes)).empty() ? 0 : 1;
  }
  CHECK(refused > 100);
}

TEST_CASE("What is no file, no archive, or too large a file is refused", "[archive]") {
  const fakes::TemporaryFolder folder;
  CHECK_THROWS_WITH(read_archive(folder.path()), Contains("is not a file"));
  CHECK_THROWS_WITH(read_archive(folder / "none"), Contains("cannot be read"));
  REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
  CHECK_THROWS_WITH(read_archive(folder / "pipe"), Contains("is not a file"));
  CHECK_FALSE(refusal("").empty());
  CHECK_FALSE(refusal("{\"schema\": 1}\n").empty());
  CHECK_FALSE(refusal(std::string(4096, 'x')).empty());
  io::ArchiveLimits limits;
  limits.packed_bytes_max = 10;
  CHECK_THAT(refusal(gzip(tar({{"d/a", "x"}})), limits), Contains("is larger than 10 bytes"));
}

TEST_CASE("An archive is told by its first bytes, not by its name", "[archive]") {
  const fakes::TemporaryFolder folder;
  io::write_whole(folder / "a.tar.gz", "{}");
  io::write_whole(folder / "b.json", gzip("x"));
  io::write_whole(folder / "c", "");
  CHECK_FALSE(io::is_archive(folder / "a.tar.gz"));
  CHECK(io::is_archive(folder / "b.json"));
  CHECK_FALSE(io::is_archive(folder / "c"));
}

}  // namespace
}  // namespace migfuzz
