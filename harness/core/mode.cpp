// The table of features, and modes made of them.
#include "harness/core/mode.h"

#include <algorithm>

#include "harness/core/error.h"

namespace migfuzz {
namespace {

constexpr std::string_view kPlain = "precopy";

// Two channels are QEMU's default; a fault of one leaves another one.
constexpr Setting kTwoChannels{"multifd-channels", "2"};
// 4 MiB/s: what nobody has asked for takes seconds, so that a destination that reads the package
// slowly still finds pages missing when it runs. QEMU sends what was asked for at once whatever the
// rate is (migration_make_urgent_request(), migration/migration.c), and the harness raises it as
// soon as it may.
constexpr Setting kFollowSlowly{"max-postcopy-bandwidth", "4194304"};

const std::vector<Feature>& table() {
  static const std::vector<Feature> features = [] {
    std::vector<Feature> all;
    const auto add = [&](std::string_view name, std::string_view summary) -> Feature& {
      all.push_back({});
      all.back().name = name;
      all.back().summary = summary;
      return all.back();
    };
    auto& postcopy = add("postcopy",
                         "the destination runs early and fetches pages as it needs them (Hines et "
                         "al., VEE'09), after a pass of pre-copy");
    postcopy.capabilities = {"postcopy-ram"};
    postcopy.settings = {kFollowSlowly};
    postcopy.postcopy = true;
    auto& preempt = add("postcopy-preempt",
                        "post-copy with a channel of its own for pages that were asked for");
    preempt.capabilities = {"postcopy-ram", "postcopy-preempt"};
    preempt.settings = {kFollowSlowly};
    preempt.postcopy = preempt.preempt = true;
    const auto multifd = [&](std::string_view name, std::string_view summary,
                             std::string_view method) {
      auto& one = add(name, summary);
      one.capabilities = {"multifd"};
      one.settings = {kTwoChannels, {"multifd-compression", method}};
      one.multifd = 2;
    };
    multifd("multifd", "pages travel over two channels of their own", "\"none\"");
    multifd("multifd-zlib", "pages travel over two channels, compressed by zlib", "\"zlib\"");
    multifd("multifd-zstd", "pages travel over two channels, compressed by zstd", "\"zstd\"");
    add("xbzrle", "a page that was sent before is sent as its difference").capabilities = {
        "xbzrle"};
    add("compress", "pages are compressed by threads (gone since QEMU 9.1)").capabilities = {
        "compress"};
    add("auto-converge", "a guest that dirties too fast is slowed down").capabilities = {
        "auto-converge"};
    add("dirty-limit", "a vCPU that dirties too fast is slowed down").capabilities = {
        "dirty-limit"};
    add("zero-page-none", "no page is recognised as zero; each is sent whole").settings = {
        {"zero-page-detection", "\"none\""}};
    add("zero-page-legacy", "the migration's thread looks for zero pages").settings = {
        {"zero-page-detection", "\"legacy\""}};
    auto& shared = add("ignore-shared", "both hosts map the same RAM; only devices are sent");
    shared.capabilities = {"x-ignore-shared"};
    shared.shares_ram = true;
    add("storage", "each host has its own disk; a mirror over NBD brings it along").mirrors_disk =
        true;
    auto& mapped = add("mapped-ram",
                       "the source saves into a file, every page at its own place; the "
                       "destination loads it afterwards (QEMU 9.0)");
    mapped.capabilities = {"mapped-ram"};
    mapped.through_file = true;
    auto& snapshot = add("background-snapshot",
                         "the source runs on and sends what it was at the start; the destination "
                         "never runs it");
    snapshot.capabilities = {"background-snapshot"};
    snapshot.snapshot = true;
    add("tls-psk", "the channel is encrypted; both ends know one secret").credentials =
        Credentials::psk;
    add("tls-x509", "the channel is encrypted; both ends have certificates").credentials =
        Credentials::x509;
    return all;
  }();
  return features;
}

// Two features of one family say different things about the same setting.
std::string_view family_of(const Feature& feature) {
  if (feature.postcopy) return "post-copy";
  if (feature.multifd > 0) return "multifd";
  if (feature.credentials != Credentials::none) return "credentials";
  return feature.name.starts_with("zero-page") ? "zero pages" : feature.name;
}

// Why the two do not go together, in one clause; empty: they do. QEMU refuses some of these itself
// (migration/options.c, migrate_caps_check), some it takes and cannot carry out.
std::string_view no_pair(const Feature& file, const Feature& other) {
  const auto& name = other.name;
  const bool harmless = name == "auto-converge" || name == "dirty-limit" ||
                        name.starts_with("zero-page");
  if (file.through_file) {
    if (harmless || name == "multifd") return "";
    if (other.postcopy) return "a file answers no request for a page";
    if (other.shares_ram) return "no page would be left for the file";
    if (other.mirrors_disk) return "a mirror needs both hosts at once, a file is loaded later";
    if (other.credentials != Credentials::none) return "a file is no channel that TLS could wrap";
    if (other.snapshot) return "what is left of the VM then has not been thought through";
    return "every page has its own place in the file, of a page's size";
  }
  if (!file.snapshot || name.starts_with("zero-page")) return "";
  if (other.through_file) return "what is left of the VM then has not been thought through";
  if (other.credentials != Credentials::none || other.shares_ram || other.mirrors_disk)
    return "a snapshot is taken over a plain channel, of RAM and disk that nobody else changes";
  return "a snapshot sends each page once, as it was at the start";
}

// Throws where one of the features already named does not go with `next`.
void check_pairs(const Mode& mode, const Feature& next) {
  for (const auto* other : mode.features) {
    if (family_of(*other) == family_of(next))
      throw UsageError("--mode: `" + std::string(other->name) + "` and `" +
                       std::string(next.name) + "` exclude each other; take one of them");
    auto why = no_pair(*other, next);
    if (why.empty()) why = no_pair(next, *other);
    if (!why.empty())
      throw UsageError("--mode: `" + std::string(other->name) + "` and `" +
                       std::string(next.name) + "` do not go together: " + std::string(why));
  }
}

template <typename Pick>
bool any(const Mode& mode, Pick pick) {
  return std::any_of(mode.features.begin(), mode.features.end(),
                     [&](const Feature* one) { return (*one).*pick; });
}

}  // namespace

std::span<const Feature> all_features() { return table(); }

bool Mode::postcopy() const { return any(*this, &Feature::postcopy); }
bool Mode::preempt() const { return any(*this, &Feature::preempt); }
bool Mode::shares_ram() const { return any(*this, &Feature::shares_ram); }
bool Mode::mirrors_disk() const { return any(*this, &Feature::mirrors_disk); }
bool Mode::through_file() const { return any(*this, &Feature::through_file); }
bool Mode::snapshot() const { return any(*this, &Feature::snapshot); }

std::vector<std::string> Mode::usual_capabilities() const {
  // Nobody answers out of a file, and QEMU takes no snapshot with a way back.
  if (through_file() || snapshot()) return {"events"};
  return {"events", "return-path"};
}

unsigned Mode::multifd() const {
  unsigned most = 0;
  for (const auto* one : features) most = std::max(most, one->multifd);
  return most;
}

Credentials Mode::credentials() const {
  for (const auto* one : features)
    if (one->credentials != Credentials::none) return one->credentials;
  return Credentials::none;
}

std::vector<std::string> Mode::side_channels() const {
  std::vector<std::string> names;
  if (through_file()) return names;  // QEMU opens the file several times
  for (unsigned i = 0; i < multifd(); ++i) names.push_back("multifd:" + std::to_string(i));
  if (preempt()) names.emplace_back("preempt");
  return names;
}

bool Mode::needs_tcp() const {
  return !side_channels().empty() || credentials() != Credentials::none;
}

bool Mode::sends_plain_pages() const {
  const bool packed = std::any_of(features.begin(), features.end(),
                                  [](const Feature* one) { return one->name == "compress"; });
  return !packed && multifd() == 0 && !shares_ram() && !through_file() &&
         credentials() == Credentials::none;
}

bool Mode::has(Phase phase) const {
  switch (phase) {
    case Phase::storage:
      return mirrors_disk();
    case Phase::postcopy:
    case Phase::recover:
      return postcopy();
    case Phase::reserve:
      return !through_file();
    case Phase::activate:
      return !snapshot();
    // Devices of post-copy travel in the package; of what is encrypted no place can be told.
    case Phase::stopcopy:
      return !postcopy() && credentials() == Credentials::none;
    case Phase::commit:
      return credentials() == Credentials::none;
    default:
      return true;
  }
}

std::string Mode::lacks(const Point& point) const {
  if (!has(point.phase)) return "this mode has no such phase";
  if (through_file() && in_stream(point))
    return "the image goes through a file: there is no stream to look into";
  if (!through_file() && at_file(point)) return "this mode goes through no file";
  if (snapshot()) {
    const auto& at = point.name;
    if (at == "ack" || at == "ack-end") return "a snapshot has no return path";
    if (at.starts_with("pass:") && at != "pass:1") return "a snapshot sends each page once";
    if (point.phase == Phase::stopcopy && at != "eof-begin")
      return "a snapshot's RAM has no final section, by which what follows is told apart";
  }
  const auto is = [&](std::string_view word) { return point.name.starts_with(word); };
  const bool encrypted = credentials() != Credentials::none;
  const bool of_stream = point.phase == Phase::reserve || point.phase == Phase::precopy;
  if (encrypted && of_stream && !is("record:"))
    return "of what is encrypted no such place can be told";
  if (!encrypted && is("record:")) return "it is a place of an encrypted channel";
  if (multifd() == 0 && (is("hello") || is("packet:") || is("sync:")))
    return "it is a place of multifd's channels";
  if (!preempt() && is("preempt-page:")) return "it is a place of the preempt channel";
  if (preempt() && is("answer:")) return "what was asked for comes over the preempt channel";
  if (!postcopy() && is("advise")) return "it is a place of post-copy";
  if (point.phase != Phase::precopy || !(is("page:") || is("pass:"))) return "";
  if (multifd() > 0) return "pages travel over multifd's channels, as packets";
  return shares_ram() ? "no page is sent" : "";
}

Mode mode_from(std::string_view name) {
  Mode mode;
  mode.name = name;
  if (name == kPlain) return mode;
  std::string_view rest = name;
  while (true) {
    const auto plus = rest.find('+');
    const auto word = rest.substr(0, plus);
    const auto found = std::find_if(table().begin(), table().end(),
                                    [&](const Feature& one) { return one.name == word; });
    if (found == table().end()) {
      const auto near = nearest(word, all_modes());
      throw UsageError("--mode: `" + std::string(word) + "` is not a mode" +
                       (near.empty() ? "" : "; nearest: " + near.front()) +
                       "; see `migfuzz list modes`");
    }
    check_pairs(mode, *found);
    if (!mode.features.empty() && mode.features.back() > &*found)
      throw UsageError("--mode: `" + std::string(name) + "`: name `" + std::string(word) +
                       "` before `" + std::string(mode.features.back()->name) + "`");
    mode.features.push_back(&*found);
    if (plus == std::string_view::npos) return mode;
    rest = rest.substr(plus + 1);
  }
}

std::vector<std::string> all_modes() {
  std::vector<std::string> names{std::string(kPlain)};
  for (const auto& feature : table()) names.emplace_back(feature.name);
  return names;
}

}  // namespace migfuzz
