#include "harness/core/reached.h"

#include <algorithm>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "harness/core/strict_json.h"

namespace migfuzz {
namespace {

// A set of items with a bound.
class Items {
 public:
  void add(std::string item) {
    if (all_.size() < kReachedMost) all_.insert(std::move(item));
  }
  std::vector<std::string> list() const { return {all_.begin(), all_.end()}; }

 private:
  std::set<std::string> all_;
};

// "destination-2" is a destination.
std::string host_of(const std::string& actor) {
  if (actor == "source") return actor;
  return actor.starts_with("destination") ? "destination" : "";
}

// The last component: "0000:00:03.0/virtio-net" is virtio-net.
std::string device_of(const std::string& idstr) {
  const auto slash = idstr.rfind('/');
  return slash == idstr.npos ? idstr : idstr.substr(slash + 1);
}

// A number that was drawn is no place of its own: every page would be something new.
std::string place_of(const std::string& point) {
  const auto page = point.find("page:");
  return page == point.npos ? point : point.substr(0, page) + "page:N";
}

void add_trace(Items& items, Side side, const HostTrace& trace) {
  const std::string host(to_string(side));
  std::map<std::uint64_t, const std::string*> last;
  static const std::string kBegin = "begin";
  for (const auto& [thread, event] : trace.events) {
    auto& before = last.try_emplace(thread, &kBegin).first->second;
    items.add(host + "/event/" + event);
    items.add(host + "/pair/" + *before + ">" + event);
    before = &event;
  }
}

// States as the monitor told them, each actor's in a chain of its own.
class States {
 public:
  explicit States(Items& items) : items_(items) {}

  void see(const Event& event) {
    const auto host = host_of(event.actor);
    if (host.empty()) return;
    const auto status = text_field(event, "status");
    if (event.kind == "qmp-event" && event.name == "MIGRATION" && status)
      move(event.actor, host + "/status/", *status);
    if (event.kind != "qmp-reply" || !status) return;
    if (event.name == "query-migrate") move(event.actor, host + "/status/", *status);
    if (event.name == "query-status") move(event.actor, host + "/run/", *status);
  }

 private:
  void move(const std::string& actor, const std::string& what, const std::string& now) {
    auto& before = last_[actor + what];
    if (before == now) return;
    items_.add(what + (before.empty() ? "begin" : before) + ">" + now);
    before = now;
  }

  Items& items_;
  std::map<std::string, std::string> last_;
};

void add_channel(Items& items, const Event& event) {
  if (event.kind == "point" && !is_side_point(event))
    items.add("channel/point/" + place_of(event.name));
  if (event.kind == "return-path") items.add("channel/back/" + event.name);
  if (event.kind != "stream") return;
  const auto idstr = text_field(event, "idstr").value_or("");
  items.add("channel/item/" + event.name + (idstr.empty() ? "" : ":" + device_of(idstr)));
}

}  // namespace

std::vector<std::string> reached_by(const History& history,
                                    const std::vector<std::pair<Side, HostTrace>>& traces) {
  Items items;
  States states(items);
  for (const auto& event : history.events()) {
    states.see(event);
    add_channel(items, event);
  }
  for (const auto& [side, trace] : traces) add_trace(items, side, trace);
  return items.list();
}

ReachedItem reached_item(std::string_view item) {
  const auto one = item.find('/');
  if (one == item.npos) return {item, {}, {}};
  const auto two = item.find('/', one + 1);
  if (two == item.npos) return {item.substr(0, one), item.substr(one + 1), {}};
  return {item.substr(0, one), item.substr(one + 1, two - one - 1), item.substr(two + 1)};
}

nlohmann::json to_json(const RunReach& reach) {
  auto hosts = nlohmann::json::array(), growth = nlohmann::json::array();
  for (const auto& one : reach.hosts)
    hosts.push_back({{"host", clean_utf8(one.host)},
                     {"known", one.known},
                     {"events", one.events},
                     {"pairs", one.pairs},
                     {"states", one.states},
                     {"never", one.never}});
  for (const auto& one : reach.growth)
    growth.push_back({{"cases", one.cases}, {"events", one.events}, {"pairs", one.pairs}});
  return {
      {"mode", clean_utf8(reach.mode)}, {"why", clean_utf8(reach.why)}, {"hosts", std::move(hosts)},
      {"channel", reach.channel},       {"kept", reach.kept},           {"mutated", reach.mutated},
      {"growth", std::move(growth)}};
}

RunReach run_reach_from_json(const nlohmann::json& json) {
  constexpr std::uint64_t kAny = std::numeric_limits<std::uint64_t>::max();
  constexpr std::size_t kMost = 100'000;
  StrictObject object(json, "summary", "reached");
  RunReach reach;
  reach.mode = object.word("mode", {"off", "watch", "on"});
  reach.why = object.text("why");
  for (const auto& one : object.list("hosts", 2)) {
    StrictObject entry(one, "summary", "reached.hosts");
    HostReach host{entry.word("host", {"source", "destination"}),
                   entry.count("known", 0, kAny),
                   entry.count("events", 0, kAny),
                   entry.count("pairs", 0, kAny),
                   entry.count("states", 0, kAny),
                   {}};
    for (const auto& name : entry.list("never", kMost)) {
      if (!name.is_string()) entry.refuse("never", "must hold texts only");
      host.never.push_back(name.get<std::string>());
    }
    entry.finish();
    reach.hosts.push_back(std::move(host));
  }
  reach.channel = object.count("channel", 0, kAny);
  reach.kept = object.count("kept", 0, kAny);
  reach.mutated = object.count("mutated", 0, kAny);
  for (const auto& one : object.list("growth", kMost)) {
    StrictObject entry(one, "summary", "reached.growth");
    reach.growth.push_back({entry.count("cases", 0, kAny), entry.count("events", 0, kAny),
                            entry.count("pairs", 0, kAny)});
    entry.finish();
  }
  object.finish();
  return reach;
}

}  // namespace migfuzz
