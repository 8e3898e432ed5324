// Tidy: the rules of the house that a compiler does not check, over the tree as it lies here.
//
// Folder arrows, catalogs, banned calls, lengths, comments at the top. Each rule is one test case
// and each offender one line with file and line number. Exceptions are named here with their
// reason; none is silent. Run alone: unit_tree "[tree]".
#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;

struct File {
  std::string path;  // from the root, "harness/core/plan.h"
  std::vector<std::string> lines;
  std::string folder() const { return path.substr(0, path.rfind('/')); }
  std::string name() const { return path.substr(path.rfind('/') + 1); }
  bool header() const { return path.ends_with(".h"); }
};

const fs::path kRoot = MIGFUZZ_SOURCE_DIR;

File read(const fs::path& path) {
  File file{fs::relative(path, kRoot).string(), {}};
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) file.lines.push_back(line);
  return file;
}

// C++ files below these folders.
std::vector<File> files(const std::vector<std::string>& folders) {
  std::vector<File> all;
  for (const auto& folder : folders)
    for (const auto& entry : fs::recursive_directory_iterator(kRoot / folder)) {
      const auto extension = entry.path().extension();
      if (extension == ".h" || extension == ".cpp") all.push_back(read(entry.path()));
    }
  REQUIRE(all.size() > 5);
  return all;
}

std::vector<File> product() {
  return files({"harness", "faults", "scenarios", "guests", "reports"});
}
std::vector<File> everything() {
  return files({"harness", "faults", "scenarios", "guests", "reports", "tests", "bench"});
}

// The text between the quotes or brackets of an #include; empty for other lines.
std::string included(const std::string& line) {
  if (!line.starts_with("#include ")) return "";
  const auto from = line.find_first_of("\"<");
  const auto to = line.find_first_of("\">", from + 1);
  return from == line.npos || to == line.npos ? "" : line.substr(from + 1, to - from - 1);
}

bool below(const std::string& path, const std::vector<std::string>& folders) {
  return std::any_of(folders.begin(), folders.end(),
                     [&](const std::string& folder) { return path.starts_with(folder + "/"); });
}

/// What runs inside a guest: its own compiler, its own rules.
bool is_payload(const File& file) {
  return file.path.starts_with("guests/") && file.path.find("/payload") != file.path.npos;
}

std::string at(const File& file, std::size_t line) {
  return file.path + ":" + std::to_string(line + 1) + ": " + file.lines[line];
}

// One message with every offender, so that one run shows all of them.
void none(const std::vector<std::string>& offenders) {
  std::string all;
  for (const auto& one : offenders) all += "\n  " + one;
  INFO(offenders.size() << " offenders:" << all);
  CHECK(offenders.empty());
}

// What each folder of the program may include of the program, besides itself.
std::optional<std::vector<std::string>> arrows(const File& file) {
  const auto folder = file.folder();
  if (folder == "harness/core") return std::vector<std::string>{};
  if (folder == "harness/stream") return std::vector<std::string>{"harness/core"};
  if (folder == "harness/io") return std::vector<std::string>{"harness/core", "harness/stream"};
  if (folder == "harness/protocols" || folder == "harness/checkers" || folder == "faults" ||
      folder == "scenarios" || folder == "reports" || folder.starts_with("guests"))
    return std::vector<std::string>{"harness/core"};
  // Values in, requests out: catalogs are handed to it, and it runs nothing itself.
  if (folder == "harness/command_line")
    return std::vector<std::string>{"harness/core", "harness/io", "harness/campaign"};
  if (folder == "harness/hypervisors")
    return std::vector<std::string>{"harness/core", "harness/io", "harness/stream"};
  return std::nullopt;
}

TEST_CASE("Includes run only towards the core", "[tree]") {
  std::vector<std::string> offenders;
  for (const auto& file : product()) {
    const auto allowed = arrows(file);
    if (!allowed) continue;
    auto folders = *allowed;
    folders.push_back(file.folder());
    if (file.path.starts_with("guests/")) folders.push_back("guests");
    for (std::size_t i = 0; i < file.lines.size(); ++i) {
      const auto target = included(file.lines[i]);
      const bool ours =
          below(target, {"harness", "faults", "scenarios", "guests", "reports", "tests"});
      if (ours && !below(target, folders)) offenders.push_back(at(file, i));
    }
  }
  none(offenders);
}

TEST_CASE("The campaign knows core, io, director and judge, and no catalog", "[tree]") {
  std::vector<std::string> offenders;
  for (const auto& file : files({"harness"})) {
    const bool director =
        file.path.starts_with("harness/director") || file.path.starts_with("harness/judge") ||
        file.path.starts_with("harness/fault_run");
    if (file.folder() != "harness/campaign" && !director) continue;
    for (std::size_t i = 0; i < file.lines.size(); ++i) {
      const auto target = included(file.lines[i]);
      if (!target.starts_with("harness/") && !target.ends_with("catalog.h")) continue;
      std::vector<std::string> may{"harness/core"};
      if (!director) may.insert(may.end(), {"harness/io", "harness/campaign"});
      const bool named = target == "harness/director.h" || target == "harness/judge.h" ||
                         (director && target.starts_with("harness/fault_run")) ||
                         target == "harness/arbiter.h" || target == "harness/interruption.h";
      // survivor_of() is what the checkers and the verdict must agree on.
      const bool shared =
          file.path == "harness/judge.cpp" && target == "harness/checkers/catalog.h";
      if (!below(target, may) && !named && !shared) offenders.push_back(at(file, i));
    }
  }
  none(offenders);
}

TEST_CASE("Only the composition root sees more than one catalog", "[tree]") {
  std::vector<std::string> offenders;
  for (const auto& file : product()) {
    if (file.path == "harness/main.cpp" || file.path == "harness/commands.cpp") continue;
    std::set<std::string> catalogs;
    for (const auto& line : file.lines)
      if (const auto target = included(line); target.ends_with("/catalog.h"))
        catalogs.insert(target);
    if (catalogs.size() > 1) offenders.push_back(file.path);
  }
  none(offenders);
}

TEST_CASE("System calls, Asio and netlink stay in harness/io", "[tree]") {
  // No effect of its own: which signal numbers and socket constants exist.
  const std::map<std::string, std::set<std::string>> exceptions{
      {"harness/hypervisors/qemu.cpp", {"sys/socket.h"}},     // socket(2) in the switch's namespace
      {"harness/hypervisors/mirror.cpp", {"sys/socket.h"}},   // the same
      {"harness/campaign/campaign.cpp", {"sys/utsname.h"}}};  // uname(2) for the report
  std::vector<std::string> offenders;
  for (const auto& file : product()) {
    if (file.folder() == "harness/io" || is_payload(file)) continue;
    for (std::size_t i = 0; i < file.lines.size(); ++i) {
      const auto target = included(file.lines[i]);
      if (!below(target, {"boost", "sys", "netlink", "linux", "netinet", "arpa"})) continue;
      const auto known = exceptions.find(file.path);
      if (known == exceptions.end() || known->second.count(target) == 0)
        offenders.push_back(at(file, i));
    }
  }
  none(offenders);
}

TEST_CASE("Headers name JSON only by its forward declaration, and no Asio", "[tree]") {
  std::vector<std::string> offenders;
  for (const auto& file : product())
    for (std::size_t i = 0; file.header() && i < file.lines.size(); ++i) {
      const auto target = included(file.lines[i]);
      if (target == "nlohmann/json.hpp" || target.starts_with("boost/"))
        offenders.push_back(at(file, i));
    }
  none(offenders);
}

std::string text_of(const fs::path& path) {
  std::ifstream in(path);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

// Word characters around it must not go on: "crash.cpp" is not in "host_crash.cpp".
bool has_word(const std::string& text, const std::string& word) {
  for (auto found = text.find(word); found != text.npos; found = text.find(word, found + 1)) {
    const auto part = [](char c) {
      return std::isalnum(static_cast<unsigned char>(c)) || c == '_';
    };
    const bool begins = found == 0 || !part(text[found - 1]);
    const auto end = found + word.size();
    if (begins && (end == text.size() || !part(text[end]))) return true;
  }
  return false;
}

TEST_CASE("Every file of a catalog folder is built and in its catalog", "[tree]") {
  struct Folder {
    const char* path;
    const char* lists;              // CMakeLists.txt that builds it
    const char* prefix;             // of its sources there
    std::set<std::string> helpers;  // files that are no entries
  };
  const Folder folders[] = {
      {"faults", "faults/CMakeLists.txt", "", {"where.cpp"}},
      {"scenarios", "scenarios/CMakeLists.txt", "", {"system.cpp"}},
      {"harness/checkers", "harness/CMakeLists.txt", "checkers/", {}},
      {"harness/protocols", "harness/CMakeLists.txt", "protocols/",
       {"rules.cpp", "postcopy.cpp", "file.cpp", "snapshot.cpp"}},
  };
  std::vector<std::string> offenders;
  for (const auto& folder : folders) {
    const auto built = text_of(kRoot / folder.lists);
    const auto catalog = text_of(kRoot / folder.path / "catalog.cpp");
    for (const auto& file : files({folder.path})) {
      if (file.header()) continue;
      if (!has_word(built, folder.prefix + file.name()))
        offenders.push_back(file.path + " is not in " + folder.lists);
      const auto make = "make_" + file.name().substr(0, file.name().size() - 4);
      if (file.name() != "catalog.cpp" && folder.helpers.count(file.name()) == 0 &&
          !has_word(catalog, make))
        offenders.push_back(file.path + ": no " + make + " in its catalog");
    }
  }
  none(offenders);
}

TEST_CASE("Every guest's folder is built and in the catalog", "[tree]") {
  const auto built = text_of(kRoot / "guests/CMakeLists.txt");
  const auto catalog = text_of(kRoot / "guests/catalog.cpp");
  std::vector<std::string> offenders;
  for (const auto& folder : fs::directory_iterator(kRoot / "guests")) {
    if (!folder.is_directory()) continue;
    const auto name = folder.path().filename().string();
    if (name == "closed_form") continue;  // what the guests have in common
    if (!has_word(catalog, "make_" + name)) offenders.push_back("guests/" + name + ": no make_");
    for (const auto& file : fs::directory_iterator(folder.path()))
      if (file.path().extension() == ".cpp" &&
          built.find(name + "/" + file.path().filename().string()) == built.npos)
        offenders.push_back(file.path().string() + " is not built");
  }
  none(offenders);
}

// Those of tests/qemu and tests/browser are started by scripts of their own.
TEST_CASE("Every test file is in the tests' CMakeLists.txt", "[tree]") {
  const auto built = text_of(kRoot / "tests/CMakeLists.txt");
  std::vector<std::string> offenders;
  for (const auto& file : files({"tests/unit", "tests/property", "tests/io", "tests/fakes"})) {
    const auto inside = file.path.substr(std::string("tests/").size());
    if (!file.header() && file.name() != "test_main.cpp" && built.find(inside) == built.npos)
      offenders.push_back(file.path);
  }
  none(offenders);
}

// The line without what is said in comments and strings.
std::string code_of(const std::string& line) {
  std::string code;
  bool text = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (!text && line.compare(i, 2, "//") == 0) break;
    if (line[i] == '\\' && text) {
      ++i;
      continue;
    }
    if (line[i] == '"') {
      text = !text;
      continue;
    }
    if (!text) code += line[i];
  }
  return code;
}

TEST_CASE("Nobody calls a shell, sleeps, or writes without a bound", "[tree]") {
  std::vector<std::string> offenders;
  for (const auto& file : everything()) {
    if (file.path == "tests/unit/tree_test.cpp" || is_payload(file)) continue;
    for (std::size_t i = 0; i < file.lines.size(); ++i)
      for (const auto* call : {"system", "popen", "sleep", "usleep", "nanosleep", "sleep_for",
                               "sleep_until", "gets", "strcpy", "strcat", "sprintf", "vsprintf"}) {
        const auto code = code_of(file.lines[i]);
        const auto found = code.find(std::string(call) + "(");
        if (found == code.npos ||
            (found > 0 &&
             (std::isalnum(static_cast<unsigned char>(code[found - 1])) || code[found - 1] == '_')))
          continue;
        offenders.push_back(at(file, i));
      }
  }
  none(offenders);
}

// Columns as a reader counts them: UTF-8 continuation bytes take none.
std::size_t columns(const std::string& line) {
  return static_cast<std::size_t>(std::count_if(line.begin(), line.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  }));
}

std::vector<std::string> longer_than(std::size_t most) {
  std::vector<std::string> offenders;
  for (const auto& file : everything())
    for (std::size_t i = 0; i < file.lines.size(); ++i)
      if (columns(file.lines[i]) > most) offenders.push_back(at(file, i));
  return offenders;
}

TEST_CASE("No line has tabs, ends in blanks or goes far beyond the margin", "[tree]") {
  std::vector<std::string> offenders = longer_than(132);
  for (const auto& file : everything())
    for (std::size_t i = 0; i < file.lines.size(); ++i) {
      const auto& line = file.lines[i];
      if (line.ends_with(' ') || line.find('\t') != line.npos || line.ends_with('\r'))
        offenders.push_back(at(file, i));
    }
  none(offenders);
}

TEST_CASE("No line is longer than 100 columns", "[tree]") { none(longer_than(100)); }

TEST_CASE("Headers read like prose: at most 130 lines, guarded, opening with a comment", "[tree]") {
  // The seam with every effect in one place: its length is the number of things a world can do. And
  // what every payload includes, formulas and code, for it has one translation unit.
  const std::map<std::string, std::size_t> longer{{"harness/core/world.h", 170},
                                                  {"guests/closed_form/form.h", 170},
                                                  {"guests/closed_form/engine.h", 300}};
  std::vector<std::string> offenders;
  for (const auto& file : product()) {
    if (!file.header()) continue;
    const auto known = longer.find(file.path);
    const auto most = known == longer.end() ? 130 : known->second;
    if (file.lines.size() > most)
      offenders.push_back(file.path + ": " + std::to_string(file.lines.size()) + " lines");
    if (file.lines.empty() || !(file.lines[0].starts_with("//") || file.lines[0].starts_with("/*")))
      offenders.push_back(file.path + ": does not open with a comment");
    const auto guarded = std::any_of(file.lines.begin(), file.lines.end(), [](const auto& line) {
      return line == "#pragma once" || line.starts_with("#ifndef ");
    });
    if (!guarded) offenders.push_back(file.path + ": no include guard");
  }
  none(offenders);
}

// A .cpp whose header has said it all may begin with its code; one without a header may not.
TEST_CASE("A source file without a header of its own opens with a comment", "[tree]") {
  std::vector<std::string> offenders;
  for (const auto& file : everything()) {
    if (file.header()) continue;
    const auto header = file.path.substr(0, file.path.size() - 4) + ".h";
    if (fs::exists(kRoot / header)) continue;
    if (file.lines.empty() || !file.lines[0].starts_with("//")) offenders.push_back(file.path);
  }
  none(offenders);
}

TEST_CASE("Nothing is registered or kept in a global", "[tree]") {
  std::vector<std::string> offenders;
  for (const auto& file : product()) {
    if (is_payload(file)) continue;
    for (std::size_t i = 0; i < file.lines.size(); ++i) {
      const auto code = code_of(file.lines[i]);
      // At namespace scope (no indentation): a mutable variable or a static object.
      const bool is_static = code.starts_with("static ") && code.find('(') == code.npos;
      const bool local =
          code.find("  static ") != code.npos && code.find("static const") == code.npos &&
          code.find("constexpr") == code.npos && code.ends_with(";") && code.find('(') == code.npos;
      if (is_static || local) offenders.push_back(at(file, i));
    }
  }
  none(offenders);
}

// The rules themselves must be able to see what they look for.
TEST_CASE("The tidy rules see what they look for", "[tree]") {
  CHECK(included("#include \"harness/io/fd.h\"") == "harness/io/fd.h");
  CHECK(included("#include <sys/stat.h>  // why") == "sys/stat.h");
  CHECK(included("// #include <x>").empty());
  CHECK(has_word("crash.cpp", "crash.cpp"));
  CHECK_FALSE(has_word("host_crash.cpp", "crash.cpp"));
  CHECK(code_of("  a(\"sleep(1)\"); // system(x)") == "  a(); ");
  CHECK(columns("\xc3\xa4\xe2\x80\xa6x") == 3);
  CHECK(below("harness/io/fd.h", {"harness/io"}));
  CHECK_FALSE(below("harness/iox/fd.h", {"harness/io"}));
}

}  // namespace
