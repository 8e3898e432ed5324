#include "tests/model/explorer.h"

#include <algorithm>
#include <array>
#include <stdexcept>

#include "harness/arbiter.h"

namespace migfuzz::model {
namespace {

constexpr std::uint32_t kNone = UINT32_MAX;
constexpr Milliseconds kPatience{300};
constexpr std::array kFlags{
    Action::hand_over,       Action::take_back,        Action::cancel,
    Action::yank_source,     Action::yank_destination, Action::continue_switchover,
    Action::ask_destination, Action::run_source,       Action::run_destination};

unsigned bits_of(const Journal& journal) {
  unsigned bits = 0;
  for (std::size_t i = 0; i < kFlags.size(); ++i)
    if (record(journal, kFlags[i]) == journal) bits |= 1u << i;
  return bits;
}
bool has(unsigned bits, Action action) {
  const auto at = std::find(kFlags.begin(), kFlags.end(), action) - kFlags.begin();
  return (bits >> at & 1u) != 0;
}
std::vector<std::string> words_of(unsigned bits) {
  std::vector<std::string> words;
  for (std::size_t i = 0; i < kFlags.size(); ++i)
    if (bits >> i & 1u) words.emplace_back(to_string(kFlags[i]));
  return words;
}

// One look of the arbiter: what it can know at this moment.
struct Look {
  bool patient = false, source_answers = false, destination_answers = false;
};

// The real Arbiter, asked once for each situation that differs to it.
class Asked {
 public:
  explicit Asked(const Protocol& protocol) : protocol_(protocol), answers_(1u << 22, -1) {
    for (unsigned bits = 0; bits < 512; ++bits) living_.push_back(living(bits));
  }

  Action next(const State& s, const Look& look) {
    const bool fresh = s.asking && s.destination_heard;
    std::size_t key = s.journal;
    for (const auto& [value, width] :
         std::initializer_list<std::pair<unsigned, unsigned>>{{s.source_seen, 4},
                                                              {s.destination_seen, 3},
                                                              {source_alive(s), 1},
                                                              {destination_alive(s), 1},
                                                              {look.patient, 1},
                                                              {look.source_answers, 1},
                                                              {look.destination_answers, 1},
                                                              {fresh, 1}})
      key = key << width | value;
    auto& answer = answers_[key];
    if (answer < 0) {
      Situation situation;
      situation.source = source_sight(s);
      situation.destination = destination_sight(s);
      situation.source.answers = look.source_answers;
      situation.destination.answers = look.destination_answers;
      situation.patience = situation.since_action = kPatience;
      situation.quiet = look.patient ? kPatience : Milliseconds(0);
      situation.destination_fresh = fresh;
      answer = static_cast<signed char>(living_[s.journal].next(situation).action);
    }
    return static_cast<Action>(answer);
  }

  unsigned noted(unsigned journal, Action action) const {
    auto arbiter = living_[journal];
    arbiter.note(action);
    return bits_of(arbiter.journal());
  }
  // What an arbiter that starts now reads out of the journal.
  unsigned successor(unsigned successor, Action action) const {
    auto words = words_of(successor);
    words.emplace_back(to_string(action));
    return bits_of(Arbiter(protocol_, words).journal());
  }

 private:
  // One that has noted these actions since it started.
  Arbiter living(unsigned bits) const {
    Arbiter arbiter(protocol_, {});
    for (std::size_t i = 0; i < kFlags.size(); ++i)
      if (bits >> i & 1u) arbiter.note(kFlags[i]);
    arbiter.note(Action::wait);  // repeated actions are never held back: more behaviours
    return arbiter;
  }

  const Protocol& protocol_;
  std::vector<signed char> answers_;
  std::vector<Arbiter> living_;
};

// States by number; open addressing, because there are millions.
class Table {
 public:
  Table() : slots_(1u << 20, kNone) {}
  std::pair<std::uint32_t, bool> insert(std::uint64_t key) {
    if (keys_.size() * 2 > slots_.size()) grow();
    auto at = find(key);
    if (slots_[at] != kNone) return {slots_[at], false};
    slots_[at] = static_cast<std::uint32_t>(keys_.size());
    keys_.push_back(key);
    return {slots_[at], true};
  }
  std::uint64_t key(std::uint32_t number) const { return keys_[number]; }
  std::size_t size() const { return keys_.size(); }

 private:
  std::size_t find(std::uint64_t key) const {
    auto mixed = key * 0x9e3779b97f4a7c15ULL;
    mixed ^= mixed >> 32;
    auto at = mixed & (slots_.size() - 1);
    while (slots_[at] != kNone && keys_[slots_[at]] != key) at = (at + 1) & (slots_.size() - 1);
    return at;
  }
  void grow() {
    slots_.assign(slots_.size() * 2, kNone);
    for (std::uint32_t i = 0; i < keys_.size(); ++i) slots_[find(keys_[i])] = i;
  }
  std::vector<std::uint64_t> keys_;
  std::vector<std::uint32_t> slots_;
};

class Explorer {
 public:
  Explorer(const Protocol& protocol, const Rules& rules) : rules_(rules), asked_(protocol) {}

  Explored run() {
    State first;
    first.autostart = rules_.autostart;
    visit(first, Kind::due, "start");
    // Breadth first by the number of failures: the first way to a state is one with the fewest.
    for (; !now_.empty() || !later_.empty(); ++failures_) {
      for (std::size_t i = 0; i < now_.size(); ++i) {
        expand(now_[i]);
        if (!rules_.until.empty() && found_.broken.count(rules_.until) != 0)
          return std::move(found_);
      }
      now_.clear();
      for (const auto& [key, from, what] : later_) open(key, from, what);
      later_.clear();
    }
    find_stuck();
    found_.states = table_.size();
    return std::move(found_);
  }

 private:
  struct Later {
    std::uint64_t key;
    std::uint32_t from;
    const char* what;
  };

  void visit(const State& next, Kind kind, const char* what) {
    ++found_.moves;
    const auto key = pack(next);
    if (kind == Kind::failure && failures_ == rules_.most_failures) return;
    if (kind == Kind::failure) return later_.push_back({key, current_, what});
    const auto number = open(key, current_, what);
    if (kind == Kind::due && current_ != kNone) edges_.emplace_back(number, current_);
  }

  std::uint32_t open(std::uint64_t key, std::uint32_t from, const char* what) {
    const auto [number, is_new] = table_.insert(key);
    if (is_new) {
      now_.push_back(number);
      came_.emplace_back(from, what);
    }
    return number;
  }

  void expand(std::uint32_t number) {
    current_ = number;
    const auto s = unpack(table_.key(number));
    judge(s);
    world_moves(
        s, [this](const State& next, Kind kind, const char* what) { visit(next, kind, what); });
    if (s.pending != 0)
      finish(s);
    else
      look(s);
    if (rules_.arbiter_dies) crash(s);
  }

  // --- the arbiter -------------------------------------------------------------------------------

  void look(const State& s) {
    const bool source = source_alive(s), destination = destination_alive(s);
    const bool heard = (!source || s.source_heard || s.source_silent) &&
                       (!destination || s.destination_heard || s.destination_silent);
    if (heard) decide(s, {true, s.source_heard != 0, s.destination_heard != 0});
    const bool source_late = source && s.source_silent && !s.source_heard;
    const bool destination_late = destination && s.destination_silent && !s.destination_heard;
    for (const bool a : {false, true})
      for (const bool b : {false, true})
        if ((!a || source_late) && (!b || destination_late))
          decide(s, {false, source && !a, destination && !b});
  }

  void decide(const State& s, const Look& look) {
    const auto action = asked_.next(s, look);
    if (action == Action::wait) return;
    judge(s, look, action);
    if (action == Action::done) return end(s);
    auto next = s;
    next.pending = static_cast<unsigned>(action);
    next.journal = asked_.noted(s.journal, action);
    if (rules_.journal_first)
      next.successor = asked_.successor(s.successor, action);
    else
      carry_out(next, action);
    visit(next, Kind::due, to_string(action).data());
  }

  // The second half of an action, at any time after the first.
  void finish(const State& s) {
    auto next = s;
    const auto action = static_cast<Action>(s.pending);
    next.pending = 0;
    if (rules_.journal_first)
      carry_out(next, action);
    else
      next.successor = asked_.successor(s.successor, action);
    visit(next, Kind::due, "… is carried out");
  }

  static void carry_out(State& n, Action action) {
    n.source_heard = n.destination_heard = n.source_fresh = n.destination_fresh = 0;
    n.asking = action == Action::ask_destination;
    if (action == Action::fence_source && source_alive(n)) {
      source_dies(n);
      if (n.destination == Destination::loading) n.destination_end = 1;
    }
    if (action == Action::fence_destination && destination_alive(n)) {
      destination_dies(n);
      if (source_alive(n)) n.source_end = 1;
    }
    if (source_alive(n)) {
      if (action == Action::continue_switchover) n.go_on = 1;
      if (action == Action::cancel) n.cancel = 1;
      if (action == Action::yank_source) n.yank_source = 1;
      if (action == Action::run_source) n.run_source = 1;
      if (action == Action::discard_source) n.quit = 1;
    }
    if (destination_alive(n)) {
      if (action == Action::yank_destination) n.yank_destination = 1;
      if (action == Action::run_destination) n.run_destination = 1;
    }
    n = unpack(pack(n));
  }

  // It forgets what it knew; of the hosts, too, if it starts somewhere else.
  void crash(const State& s) {
    auto next = s;
    next.pending = next.asking = 0;
    next.journal = s.successor;
    next.source_heard = next.destination_heard = 0;
    next.source_fresh = next.destination_fresh = 0;
    visit(next, Kind::failure, "the arbiter dies and starts again");
    next.source_seen = next.source_report = 0;
    next.destination_seen = next.destination_report = 0;
    visit(next, Kind::failure, "the arbiter dies and starts elsewhere");
  }

  // --- the promises ------------------------------------------------------------------------------

  void judge(const State& s) {
    const bool runs = s.destination == Destination::running;
    if (source_executes(s) && runs) broken("two owners");
    if (source_executes(s) && s.destination_ran) broken("the source runs after the destination");
    if (runs && s.source_resumed) {
      if (found_.unheard_rollbacks.states == 0) found_.unheard_story = story(current_);
      count(found_.unheard_rollbacks);
    }
  }

  void judge(const State& s, const Look& look, Action action) {
    using S = Source;
    const bool may_have_run = has(s.successor, Action::run_destination);
    const auto seen = static_cast<S>(s.source_seen);
    const bool gave_up = seen == S::failed || seen == S::still;
    const auto destination_seen = static_cast<Destination>(s.destination_seen);
    if (action == Action::hand_over && gave_up)
      broken("a VM whose source has said that it goes on is handed over");
    if (action == Action::run_destination) {
      if (source_alive(s) && s.source != S::completed)
        broken("the destination is told to run before the source is fenced or completed");
      if (!may_have_run && !s.destination_heard)
        broken("a destination that has not answered since the hand-over is told to run");
    }
    if (action == Action::run_source && (destination_alive(s) || may_have_run))
      broken("the source is told to run although the destination lives or may have run");
    if (action == Action::discard_source && !s.destination_ran)
      broken("the source is ended although the destination never ran");
    if (action == Action::fence_source && !may_have_run) {
      if (look.source_answers) broken("a source that answers is fenced");
      if (destination_alive(s) && destination_seen != Destination::loaded)
        broken("a source is fenced while it may hold the only image and the other host lives");
    }
    if (action == Action::fence_destination && look.destination_answers) {
      const bool past = has(s.journal, Action::take_back);
      const bool other_holds_it = source_alive(s) && look.source_answers && !may_have_run;
      if (!past && !other_holds_it && destination_seen != Destination::failed)
        broken("a destination that answers is fenced while it may hold the only image");
    }
  }

  void end(const State& s) {
    ends_.push_back(current_);
    count(found_.ends);
    const bool source = source_executes(s), destination = s.destination == Destination::running;
    if (!source && !destination) {
      if (source_alive(s) || destination_alive(s)) broken("done, and a host that lives stands");
      count(found_.losses);
    }
    if (source_alive(s) && destination_alive(s)) broken("done, and both hosts live");
  }

  void count(Count& what) const {
    if (what.states++ == 0) what.failures = failures_;
  }

  void broken(const char* promise) {
    if (found_.broken.count(promise) == 0) found_.broken[promise] = story(current_);
  }

  std::string story(std::uint32_t number) const {
    std::vector<std::string> steps;
    for (; number != kNone; number = came_[number].first) steps.emplace_back(came_[number].second);
    std::reverse(steps.begin(), steps.end());
    std::string text;
    for (const auto& step : steps) text += "\n  " + step;
    return text;
  }

  // States from which `done` cannot be reached by what happens sooner or later.
  void find_stuck() {
    std::vector<char> leads(table_.size(), 0);
    std::vector<std::uint32_t> begin(table_.size() + 1, 0), from(edges_.size());
    for (const auto& [to, source] : edges_) ++begin[to + 1];
    for (std::size_t i = 1; i < begin.size(); ++i) begin[i] += begin[i - 1];
    auto fill = begin;
    for (const auto& [to, source] : edges_) from[fill[to]++] = source;
    std::vector<std::uint32_t> open;
    for (const auto number : ends_)
      if (!leads[number]) leads[number] = 1, open.push_back(number);
    while (!open.empty()) {
      const auto number = open.back();
      open.pop_back();
      for (auto i = begin[number]; i < begin[number + 1]; ++i)
        if (!leads[from[i]]) leads[from[i]] = 1, open.push_back(from[i]);
    }
    for (std::uint32_t i = 0; i < leads.size(); ++i)
      if (!leads[i]) {
        found_.broken["no way to an end without further failures"] = story(i);
        break;
      }
  }

  const Rules rules_;
  Asked asked_;
  Table table_;
  Explored found_;
  unsigned failures_ = 0;
  std::uint32_t current_ = kNone;
  std::vector<std::uint32_t> now_, ends_;
  std::vector<Later> later_;
  std::vector<std::pair<std::uint32_t, const char*>> came_;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> edges_;  // to, from
};

}  // namespace

Explored explore(const Protocol& protocol, const Rules& rules) {
  return Explorer(protocol, rules).run();
}

}  // namespace migfuzz::model
