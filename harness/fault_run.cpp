#include "harness/fault_run.h"

namespace migfuzz {
namespace {

// Empty: the VM is on no network.
std::string vm_network(const World& world) {
  std::string said;
  for (const auto host : {Side::source, Side::destination}) {
    const auto up = world.guest_link_up(host);
    if (!up) return "";
    if (!*up) said += (said.empty() ? "not " : ", ") + std::string(to_string(host));
  }
  return said.empty() ? "carries" : said;
}

}  // namespace

FaultRun::FaultRun(World& world, const FaultSpec& spec, const FaultKind& kind,
                   std::optional<std::size_t> index)
    : world_(world), spec_(spec), kind_(kind), index_(index) {}

void FaultRun::note(std::string_view name, Fields fields) {
  if (index_) fields.emplace_back("fault", std::int64_t(*index_));
  world_.history().add("director", "fault", name, std::move(fields));
}

bool FaultRun::holds_channel() const {
  return in_stream(spec_.trigger.point) && !kind_.acts_on_page && !kind_.before_start;
}

// A channel that was cut does not flow on, one that stalls does so at the heal. The one that stands
// at the point is another one then, and goes on once the effect is proved.
Flow FaultRun::flow() const {
  const bool stays = kind_.flow == Flow::never || kind_.flow == Flow::at_heal;
  return stays && hits_elsewhere(spec_) ? Flow::at_delivery : kind_.flow;
}

bool FaultRun::to_be_healed() const {
  return spec_.heal_after_ms > 0 && !healed_ && (unproved() || delivered());
}

bool FaultRun::over() const {
  return !to_be_healed() && (!healed_ || kind_.over(world_, spec_));
}

void FaultRun::arm() {
  if (!waiting()) return;  // it is there before the start
  if (kind_.acts_on_page) inject();
  if (in_stream(spec_.trigger.point)) world_.arm(spec_.trigger, channel());
  Fields fields{{"kind", spec_.kind}, {"at", to_string(spec_.trigger)}};
  if (!spec_.channel.empty()) fields.emplace_back("channel", spec_.channel);
  note("armed", std::move(fields));
}

void FaultRun::inject() {
  const auto main = world_.channel();  // where the fault finds it, as the reports count
  const auto standing = world_.channel(channel());
  forwarded_ = standing.forwarded;
  back_forwarded_ = standing.back_forwarded;
  kind_.inject(world_, spec_);
  injected_at_ = acted_ = world_.now();
  stage_ = Stage::injected;
  Fields fields{{"kind", spec_.kind},
                {"side", std::string(to_string(spec_.side))},
                {"component", std::string(kind_.component)},
                {"forwarded", std::int64_t(main.forwarded)},
                {"back_forwarded", std::int64_t(main.back_forwarded)}};
  if (!spec_.channel.empty()) fields.emplace_back("channel", spec_.channel);
  note("injected", std::move(fields));
  // What the source had sent past the point waits in the relay. Where the fault is on the source's
  // side those bytes had not left it, so they stay until the heal.
  lets_flow_ = flow() == Flow::freely ||
               (flow() == Flow::at_injection && spec_.side != Side::source);
}

bool FaultRun::struck_here() const {
  const auto now = world_.channel(channel());
  return now.forwarded == forwarded_ && now.back_forwarded == back_forwarded_;
}

bool FaultRun::step() {
  if (unproved()) {
    if (const auto proof = kind_.delivered(world_, spec_)) {
      prove(*proof);
      return true;
    }
    if (world_.now() - injected_at_ <= kDeliveryLimit) return false;
    note("not-observed", {{"kind", spec_.kind}});
    stage_ = Stage::missed;
    lets_flow_ = true;
    heal();  // it may be in force all the same, and nobody would end it before everything ends
    return true;
  }
  const bool due = delivered() && to_be_healed() &&
                   world_.now() - delivered_at_ >= Milliseconds(spec_.heal_after_ms);
  if (due) heal();
  return due;
}

void FaultRun::prove(const std::string& proof) {
  delivered_at_ = acted_ = world_.now();
  stage_ = Stage::delivered;
  Fields fields{{"kind", spec_.kind}, {"proof", proof}};
  if (kind_.component == "network")
    if (auto others = vm_network(world_); !others.empty())
      fields.emplace_back("vm_network", std::move(others));
  note("delivered", std::move(fields));
  if (flow() == Flow::at_delivery) lets_flow_ = true;
}

void FaultRun::heal() {
  if (healed_) return;
  healed_ = true;
  if (spec_.heal_after_ms == 0) return;
  lets_flow_ = true;
  if (!struck()) return;
  kind_.heal(world_, spec_);
  acted_ = world_.now();
  note("healed", {{"kind", spec_.kind}});
}

void FaultRun::give_up() {
  note("never-triggered", {{"at", to_string(spec_.trigger)}});
  stage_ = Stage::missed;
  lets_flow_ = true;
}

}  // namespace migfuzz
