#include "harness/checkers/catalog.h"

namespace migfuzz {

std::vector<std::unique_ptr<Checker>> all_checkers() {
  std::vector<std::unique_ptr<Checker>> all;
  all.push_back(make_clean_exit());
  all.push_back(make_single_owner());
  all.push_back(make_memory());
  all.push_back(make_no_rollback());
  all.push_back(make_disk());
  all.push_back(make_survivor());
  all.push_back(make_truth());
  all.push_back(make_liveness());
  all.push_back(make_retry());
  all.push_back(make_clock());
  all.push_back(make_network());
  all.push_back(make_policy());
  return all;
}

Survivor survivor_of(const Evidence& evidence) {
  const bool source = evidence.beats_after_settle_source > 0;
  const bool destination = evidence.beats_after_settle_destination > 0;
  if (source && destination) return Survivor::both;
  if (source) return Survivor::source;
  return destination ? Survivor::destination : Survivor::none;
}

std::string_view to_string(Survivor survivor) {
  switch (survivor) {
    case Survivor::source:
      return "source";
    case Survivor::destination:
      return "destination";
    case Survivor::both:
      return "both";
    case Survivor::none:
      return "none";
  }
  return "?";
}

namespace checkers {

Finding good(std::string_view checker, std::string what) {
  return {std::string(checker), Verdict::pass, std::move(what), "", ""};
}

Finding broken(std::string_view checker, std::string symptom, std::string what,
               std::string reason) {
  return {std::string(checker), Verdict::fail, std::move(what), std::move(symptom),
          std::move(reason)};
}

std::string stood_in_side_channels(const History& history) {
  for (const auto& event : history.events())
    if (event.name == "stacks kept" && event.actor == "source")
      if (auto where = text_field(event, "side channels")) return *where;
  return "";
}

}  // namespace checkers
}  // namespace migfuzz
