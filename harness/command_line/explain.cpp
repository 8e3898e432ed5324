#include "harness/command_line/explain.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <sstream>

#include "harness/command_line/help.h"
#include "harness/command_line/tiers.h"
#include "harness/core/error.h"
#include "harness/core/mode.h"
#include "harness/core/outcome.h"
#include "harness/core/point.h"
#include "harness/core/verdict.h"
#include "harness/io/capabilities.h"

extern "C" {
extern const char migfuzz_faults_begin[];  // defined in faults_text.S
extern const char migfuzz_faults_end[];
}

namespace migfuzz::command_line {
namespace {

constexpr std::size_t kWidest = 100;  // longer lines are hard to read

std::size_t width_of(unsigned columns) {
  return columns == 0 ? 80 : std::clamp<std::size_t>(columns, 40, kWidest);
}

std::string joined(const std::vector<std::string>& words) {
  return fmt::format("{}", fmt::join(words, ", "));
}

std::string sides_of(const FaultKind& kind) {
  std::vector<std::string> sides;
  for (const auto side : kind.sides) sides.emplace_back(to_string(side));
  return joined(sides);
}

std::string name_of(const PointKind& point) {
  return fmt::format("{}/{}", to_string(point.phase), point.pattern);
}

std::string kinds_that_need(std::string_view capability, const Catalogs& catalogs) {
  std::vector<std::string> kinds;
  for (const auto& kind : catalogs.faults)
    if (kind.needs == capability) kinds.emplace_back(kind.name);
  return joined(kinds);
}

std::string_view exit_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::fail:
      return "the run ends with status 1";
    case Verdict::infra:
    case Verdict::not_delivered:
      return "the run is inconclusive, status 3, unless something failed";
    default:
      return "it does not fail the run";
  }
}

// --- one of them, fully ---

// "  sides        source, destination", wrapped behind its label.
std::string field(std::string_view label, std::string_view text, std::size_t width) {
  constexpr std::size_t kIndent = 16;
  auto lines = wrapped(text, width, kIndent);
  if (lines.empty()) return "";
  return fmt::format("  {:<14}{}", label, lines.substr(kIndent));
}

// A point of that kind, with something in the place of N and NAME.
Trigger example(const PointKind& kind) {
  std::string name(kind.pattern);
  if (const auto at = name.find(":NAME"); at != name.npos) name.replace(at, 5, ":cpu");
  if (name.ends_with(":N")) name.replace(name.size() - 1, 1, "2");
  return {{kind.phase, name, 0}, 1};
}

// Why the kind has no meaning there, whichever side it hits; empty: on some side it has.
std::string why_not(const FaultKind& fault, const PointKind& point) {
  std::string why;
  for (const auto side : fault.sides) {
    auto one = fault.excluded(example(point), side);
    if (one.empty()) return "";
    why = std::move(one);
  }
  return why;
}

std::string where_not(const FaultKind& fault, std::size_t width) {
  std::map<std::string, std::vector<std::string>> by_reason;
  for (const auto& point : all_point_kinds())
    for (const auto side : fault.sides) {
      auto why = fault.excluded(example(point), side);
      if (why.empty()) continue;
      if (fault.sides.size() > 1 && why_not(fault, point).empty())
        why += fmt::format(", on the {}", to_string(side));
      auto& names = by_reason[why];
      if (names.empty() || names.back() != name_of(point)) names.push_back(name_of(point));
    }
  std::string text;
  for (const auto& [why, names] : by_reason)
    text += wrapped(fmt::format("{}: {}", why, joined(names)), width, 4);
  return text.empty() ? "" : "\n  It has no meaning at\n" + text;
}

// Markdown as plain lines: a paragraph is wrapped, an item of a list hangs.
std::string plain(const std::string& markdown, std::size_t width) {
  std::string text, block;
  const auto flush = [&] {
    if (block.starts_with("- ")) {
      const auto lines = wrapped(block.substr(2), width, 4);
      if (!lines.empty()) text += "  - " + lines.substr(4);
    } else {
      text += wrapped(block, width, 2);
    }
    block.clear();
  };
  std::stringstream lines(markdown);
  for (std::string line; std::getline(lines, line);) {
    if (line.empty() || line.starts_with("- ") || line.starts_with("|")) flush();
    for (std::size_t at; (at = line.find("**")) != line.npos;) line.erase(at, 2);
    if (line.starts_with("|"))
      text += "  " + line + "\n";
    else
      block += (block.empty() ? "" : " ") + line;
  }
  flush();
  return text;
}

std::string fault_fully(const FaultKind& kind, std::size_t width) {
  auto text = fmt::format("{}\n", kind.name) + wrapped(kind.summary, width, 2) + "\n";
  const auto add = [&](std::string_view label, const std::string& what) {
    text += field(label, what, width);
  };
  add("hits", fmt::format("{}; {}", kind.component,
                          kind.active ? "active: it does something"
                                      : "passive: something is no longer done"));
  add("sides", sides_of(kind));
  add("effect", std::string(to_string(kind.effect)) + " (`migfuzz list outcomes`)");
  add("transport", fmt::format("{}{}", to_string(kind.transport),
                               kind.needs_tcp ? ", the only one that it has a meaning on" : ""));
  add("heals", kind.heal_after_ms == 0
                   ? "never"
                   : fmt::format("{} ms after its proof{}", kind.heal_after_ms,
                                 kind.must_heal ? ", always" : "; a plan may leave it"));
  if (kind.patience_ms != 0)
    add("patience", fmt::format("at least {} ms of the manager's", kind.patience_ms));
  if (kind.parameter_most != 0)
    add("parameter", fmt::format("0: the default; a search draws {} to {}", kind.parameter_least,
                                 kind.parameter_most));
  if (!kind.disk.empty()) add("disk", std::string(kind.disk));
  if (!kind.mode_needs.empty())
    add("mode", fmt::format("one with `{}` (`migfuzz list modes`)", kind.mode_needs));
  if (!kind.needs.empty()) add("needs", std::string(kind.needs) + " (`migfuzz list capabilities`)");
  if (!kind.by_hand.empty()) add("by hand", fmt::format("`{}` in reproduce.py", kind.by_hand));
  const auto section = section_about(std::string(kind.name));
  if (!section.empty()) text += "\n" + plain(section, width);
  return text + where_not(kind, width);
}

std::string point_fully(const PointKind& point, const Catalogs& catalogs, std::size_t width) {
  auto text = name_of(point) + "\n" + wrapped(point.summary, width, 2) + "\n";
  text +=
      field("phase", fmt::format("{}: {}", to_string(point.phase), describe(point.phase)), width);
  using enum PointKind::Place;
  text += field("place",
                point.place == manager       ? "no place in the stream: the manager stands there"
                : point.place == return_path ? "on the return path; +BYTES moves it on"
                                             : "in the stream; +BYTES moves it on",
                width);
  std::vector<std::string> may;
  std::map<std::string, std::vector<std::string>> may_not;
  for (const auto& fault : catalogs.faults)
    if (const auto why = why_not(fault, point); why.empty())
      may.emplace_back(fault.name);
    else
      may_not[why].emplace_back(fault.name);
  text += field("faults", joined(may), width);
  if (!may_not.empty()) text += "\n  These have no meaning there\n";
  for (const auto& [why, names] : may_not)
    text += wrapped(fmt::format("{}: {}", joined(names), why), width, 4);
  return text;
}

std::string phase_fully(Phase phase, std::size_t width) {
  auto text = fmt::format("{}\n", to_string(phase)) + wrapped(describe(phase), width, 2) + "\n";
  for (const auto& point : all_point_kinds())
    if (point.phase == phase) text += fmt::format("  {:<28} {}\n", point.pattern, point.summary);
  return text;
}

std::string outcome_fully(const OutcomeRule& rule, std::size_t width) {
  auto text = fmt::format("{}\n", rule.rule) + wrapped(rule.reason, width, 2) + "\n";
  text += field("effect", to_string(rule.effect), width);
  text += field("side", rule.side ? to_string(*rule.side) : "any", width);
  text += field("protocol", rule.protocol.empty() ? "any" : rule.protocol, width);
  return text + field("left is", to_string(rule.expect), width);
}

}  // namespace

std::string section_about(const std::string& fault) {
  std::stringstream lines(std::string(migfuzz_faults_begin, migfuzz_faults_end));
  std::string section;
  bool inside = false;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("## ")) {
      // "## reset-source, reset-destination", "## Storage: `io-error`, `io-hang`"
      std::stringstream words(line.substr(3));
      inside = false;
      for (std::string word; words >> word;) {
        std::erase_if(word, [](char c) { return c == ',' || c == '`'; });
        inside = inside || word == fault;
      }
    } else if (inside) {
      section += line + "\n";
    }
  }
  return section;
}

std::vector<Listing> all_listings() {
  return {{"phases", "the stages of a migration, in their order"},
          {"points", "the exact places inside a phase at which a fault can strike"},
          {"faults", "the ways in which a component can fail"},
          {"guests", "the systems that run in the VM and tell what they hold"},
          {"checkers", "the promises that are checked after each case"},
          {"protocols", "the manager's rules of who may run when"},
          {"modes", "the ways in which QEMU can migrate"},
          {"scenarios", "the ways in which cases are drawn"},
          {"tiers", "how much of the matrix a run takes, by the time it has"},
          {"hypervisors", "what runs the VM"},
          {"verdicts", "what a case can come to, worst first"},
          {"capabilities", "what this machine has to be able to do for some faults"},
          {"outcomes", "what must be left of the VM, rule by rule, with the reason"}};
}

std::vector<Entry> entries(const std::string& listing, const Catalogs& catalogs) {
  std::vector<Entry> all;
  const auto add = [&](std::string_view group, std::string_view name, std::string_view text) {
    all.push_back({std::string(group), std::string(name), std::string(text)});
  };
  if (listing == "phases") {
    for (const auto phase : all_phases()) add("", to_string(phase), describe(phase));
  } else if (listing == "points") {
    for (const auto& point : all_point_kinds())
      add(fmt::format("{}: {}", to_string(point.phase), describe(point.phase)), name_of(point),
          point.summary);
  } else if (listing == "faults") {
    for (const auto& kind : catalogs.faults)
      add(kind.component, kind.name,
          fmt::format("[{}; {}; {}] {}", kind.active ? "active" : "passive", kind.component,
                      sides_of(kind), kind.summary));
  } else if (listing == "guests") {
    for (const auto& guest : catalogs.guests) add("", guest->name(), guest->summary());
  } else if (listing == "checkers") {
    for (const auto& checker : catalogs.checkers) add("", checker->name(), checker->claim());
  } else if (listing == "protocols") {
    for (const auto& protocol : catalogs.protocols) add("", protocol->name(), protocol->summary());
  } else if (listing == "modes") {
    add("", Plan().mode, "passes over memory while the guest runs, then the rest (Clark et al.)");
    for (const auto& feature : all_features()) add("", feature.name, feature.summary);
  } else if (listing == "tiers") {
    for (const auto& tier : all_tiers()) add("", tier.name, tier.summary);
  } else if (listing == "scenarios") {
    for (const auto& scenario : catalogs.scenarios) add("", scenario.name, scenario.summary);
  } else if (listing == "hypervisors") {
    for (const auto& one : catalogs.hypervisors) add("", one.name, one.summary);
  } else if (listing == "verdicts") {
    for (const auto verdict : all_verdicts()) add("", to_string(verdict), describe(verdict));
  } else if (listing == "capabilities") {
    for (const auto& [name, what] : io::all_capabilities()) add("", name, what);
  } else if (listing == "outcomes") {
    for (const auto& rule : outcome_table())
      add(to_string(rule.effect), rule.rule,
          fmt::format("{}: {}", to_string(rule.expect), rule.reason));
  } else {
    std::vector<std::string> known;
    for (const auto& one : all_listings()) known.push_back(one.name);
    const auto near = nearest(listing, known);
    throw UsageError(
        fmt::format("list: `{}` is not a catalog; {} {}; see `migfuzz list`", listing,
                    near.empty() ? "there are" : "nearest:", joined(near.empty() ? known : near)));
  }
  return all;
}

namespace {

// Names in one column, their sentences wrapped in the other, groups with a heading each.
std::string table(const std::vector<Entry>& all, unsigned columns) {
  std::string text;
  if (columns == 0) {
    for (const auto& one : all) text += fmt::format("{:<28} {}\n", one.name, one.text);
    return text;
  }
  std::vector<std::string> groups;
  std::size_t longest = 0;
  for (const auto& one : all) {
    if (std::find(groups.begin(), groups.end(), one.group) == groups.end())
      groups.push_back(one.group);
    longest = std::max(longest, one.name.size());
  }
  for (const auto& group : groups) {
    if (!group.empty()) text += (text.empty() ? "" : "\n") + wrapped(group, width_of(columns), 0);
    for (const auto& one : all) {
      if (one.group != group) continue;
      const auto lines = wrapped(one.text, width_of(columns), longest + 4);
      text += fmt::format("  {:<{}}  {}", one.name, longest,
                          lines.empty() ? "\n" : lines.substr(longest + 4));
    }
  }
  return text;
}

}  // namespace

std::string explain(const std::string& listing, const Catalogs& catalogs, unsigned columns) {
  auto all = entries(listing, catalogs);
  // Under its heading a fault need not say again what it hits.
  if (columns != 0 && listing == "faults")
    for (std::size_t i = 0; i < all.size(); ++i) all[i].text = catalogs.faults[i].summary;
  auto text = table(all, columns);
  if (columns != 0 && !all.empty())
    text +=
        fmt::format("\n`migfuzz list {} {}` explains one of them.\n", listing, all.front().name);
  return text;
}

std::string explain_all(unsigned columns) {
  std::vector<Entry> all;
  for (const auto& one : all_listings()) all.push_back({"", one.name, one.what});
  return table(all, columns) +
         (columns == 0 ? ""
                       : "\n`migfuzz list NAME` shows one, `migfuzz list faults crash` a word of "
                         "it.\n");
}

std::string explain_one(const std::string& listing, const std::string& name,
                        const Catalogs& catalogs, unsigned columns) {
  const auto width = width_of(columns);
  const auto all = entries(listing, catalogs);
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const Entry& entry) { return entry.name == name; });
  if (found == all.end() && listing == "points") {
    const auto point = point_from(name);  // refuses it; else one with a number or a device
    for (const auto& kind : all_point_kinds()) {
      const auto colon = kind.pattern.find(':');
      const bool same = kind.phase == point.phase && colon != kind.pattern.npos &&
                        std::string_view(point.name).starts_with(kind.pattern.substr(0, colon)) &&
                        point.name.substr(point.name.rfind('/') + 1) ==
                            kind.pattern.substr(kind.pattern.rfind('/') + 1);
      const bool numbered = kind.phase == point.phase && kind.pattern.ends_with(":N") &&
                            point.name.starts_with(kind.pattern.substr(0, kind.pattern.size() - 1));
      if ((same && kind.pattern.find("NAME") != kind.pattern.npos) || numbered)
        return point_fully(kind, catalogs, width);
    }
  }
  if (found == all.end()) {
    std::vector<std::string> known;
    for (const auto& entry : all) known.push_back(entry.name);
    const auto near = nearest(name, known);
    throw UsageError(
        fmt::format("list {}: `{}` is not known; {} {}", listing, name,
                    near.empty() ? "there are" : "nearest:", joined(near.empty() ? known : near)));
  }
  const auto at = static_cast<std::size_t>(found - all.begin());
  if (listing == "faults") return fault_fully(catalogs.faults[at], width);
  if (listing == "points") return point_fully(all_point_kinds()[at], catalogs, width);
  if (listing == "phases") return phase_fully(all_phases()[at], width);
  if (listing == "outcomes") return outcome_fully(outcome_table()[at], width);
  auto text = name + "\n" + wrapped(found->text, width, 2);
  if (listing == "verdicts") text += wrapped(exit_of(all_verdicts()[at]), width, 2);
  if (listing == "capabilities") text += field("faults", kinds_that_need(name, catalogs), width);
  if (listing == "guests")
    text += field("RAM",
                  fmt::format("at least {} KiB", catalogs.guests[at]->least_memory_bytes() / 1024),
                  width);
  if (listing == "protocols") {
    const auto& one = *catalogs.protocols[at];
    text += field("destination",
                  one.destination_starts_paused() ? "starts paused (-S)" : "runs by itself", width);
    text += field("switch-over",
                  one.pause_before_switchover() ? "the source waits for the manager"
                                                : "the source goes on by itself",
                  width);
    text += field("disk", one.disk(), width);
  }
  return text;
}

}  // namespace migfuzz::command_line
