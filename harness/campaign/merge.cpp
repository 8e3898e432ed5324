#include "harness/campaign/merge.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "harness/campaign/bundle.h"
#include "harness/campaign/recorded_request.h"
#include "harness/core/error.h"

namespace migfuzz {
namespace {

struct Part {
  std::string folder;
  StoredRun run;
  std::vector<Session> sessions;
  std::vector<StoredCase> cases;
};

Part read_part(const std::string& folder) {
  const auto path = folder + "/results.db";
  if (!io::is_there(path))
    throw UsageError(
        fmt::format("merge: {} has no results.db; name the output folder of a run", folder));
  const Store store(path, Store::Access::read);
  auto run = store.last_run();
  if (!run || run->kind == "replay")
    throw UsageError(fmt::format("merge: {} holds no run of a campaign", folder));
  auto sessions = store.sessions(run->id);
  auto cases = store.finished(run->id);
  return {folder, std::move(*run), std::move(sessions), std::move(cases)};
}

void refuse_strangers(const StoredRun& one, const std::string& folder, const StoredRun& other,
                      const std::string& other_folder) {
  auto why = difference(one.request, other.request);
  if (why.empty() && one.facts.version != other.facts.version)
    why = fmt::format("migfuzz was {} and is {}", one.facts.version, other.facts.version);
  if (!why.empty())
    throw UsageError(
        fmt::format("merge: {} and {} are not of one campaign: {}", folder, other_folder, why));
}

void join_facts(Summary& into, const Summary& other) {
  list_also(into.source_qemu, other.source_qemu);
  list_also(into.destination_qemu, other.destination_qemu);
  list_also(into.accel, other.accel);
  list_also(into.accel_why, other.accel_why);
  list_also(into.memory, other.memory);
  list_also(into.memory_why, other.memory_why);
  list_also(into.host, other.host);
  into.started = std::min(into.started, other.started);
  for (const auto& note : other.notes)
    if (std::find(into.notes.begin(), into.notes.end(), note) == into.notes.end())
      into.notes.push_back(note);
}

// The worse verdict; of equal ones the earlier, so that the order of folders plays no part.
bool stands_before(const StoredCase& one, const StoredCase& other) {
  return std::tie(one.result.verdict, one.ended) < std::tie(other.result.verdict, other.ended);
}

struct Chosen {
  const StoredCase* one;
  const Part* from;  // none: it is in the output already
};

void open_output(Output& output, const Part& first) {
  const auto last = output.last_run();
  if (!last) {
    auto run = first.run;
    run.kind = "merge";
    run.shard = "";
    output.begin(std::move(run));
    return;
  }
  if (last->kind != "merge")
    throw UsageError(
        fmt::format("--output: {} holds a run of its own; name another folder", output.folder()));
  refuse_strangers(*last, output.folder(), first.run, first.folder);
  output.resume(*last);
}

std::vector<Chosen> choose(const std::vector<Part>& parts, const std::vector<StoredCase>& there) {
  std::map<std::string, Chosen> by_key;
  const auto offer = [&](const StoredCase& one, const Part* from) {
    const auto [known, fresh] = by_key.try_emplace(one.drawn.key, Chosen{&one, from});
    if (!fresh && stands_before(one, *known->second.one)) known->second = {&one, from};
  };
  for (const auto& one : there) offer(one, nullptr);
  for (const auto& part : parts)
    for (const auto& one : part.cases) offer(one, &part);
  std::vector<Chosen> chosen;
  for (const auto& [key, one] : by_key) chosen.push_back(one);
  std::sort(chosen.begin(), chosen.end(), [](const Chosen& a, const Chosen& b) {
    return std::tie(a.one->drawn.ordinal, a.one->drawn.key) <
           std::tie(b.one->drawn.ordinal, b.one->drawn.key);
  });
  return chosen;
}

}  // namespace

int merge(const MergeRequest& request, const Catalogs& catalogs, const Reports& reports) {
  std::vector<Part> parts;
  for (const auto& folder : request.folders) {
    parts.push_back(read_part(folder));
    refuse_strangers(parts.front().run, parts.front().folder, parts.back().run, folder);
  }
  Output output(request.output);
  open_output(output, parts.front());
  auto run = *output.last_run();
  run.facts.command = request.command;
  for (const auto& part : parts) {
    join_facts(run.facts, part.run.facts);
    unite(run.matrix, part.run.matrix);
    for (const auto& session : part.sessions) output.adopt(session);
  }
  output.record(run.facts, run.matrix);
  const auto there = output.finished();
  for (const auto& [one, from] : choose(parts, there))
    if (from != nullptr) output.adopt(*one, from->folder);

  const auto sessions = output.sessions();
  run.finished = unfinished_shards(sessions).empty();
  auto summary = summary_of(run, sessions, output.results(), output.folder());
  // What the machines of the shards cannot do is not known here.
  write_bundles(output.folder(), summary, output.results(), catalogs, {});
  output.finish(summary, reports, run.finished);
  fmt::print("{} cases of {} folders; cells delivered {}/{}\nreport: {}/report.html\n",
             summary.cases, parts.size(), summary.cells_delivered, summary.cells_required,
             output.folder());
  const int status = exit_status(summary);
  return status == 0 && !run.finished ? 3 : status;
}

}  // namespace migfuzz
