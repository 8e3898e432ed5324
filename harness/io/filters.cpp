#include "harness/io/filters.h"

#include <fmt/format.h>
#include <nftables/libnftables.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "harness/core/error.h"

namespace migfuzz::io {
namespace {

using nlohmann::json;

struct ContextDeleter {
  void operator()(nft_ctx* context) const { nft_ctx_free(context); }
};

// One context per run: its netlink socket belongs to the namespace in which it is made.
std::string run(const Network& network, Side side, const std::string& commands, bool as_json) {
  std::string output, error;
  int status = 0;
  network.inside(side, [&] {
    const std::unique_ptr<nft_ctx, ContextDeleter> context(nft_ctx_new(NFT_CTX_DEFAULT));
    if (!context) throw InfraError("network: nftables gives no context");
    nft_ctx_buffer_output(context.get());
    nft_ctx_buffer_error(context.get());
    if (as_json) nft_ctx_output_set_flags(context.get(), NFT_CTX_OUTPUT_JSON);
    status = nft_run_cmd_from_buffer(context.get(), commands.c_str());
    output = nft_ctx_get_output_buffer(context.get());
    error = nft_ctx_get_error_buffer(context.get());
  });
  if (status != 0)
    throw InfraError(fmt::format("network: nftables refuses: {}", error.substr(0, 400)));
  return output;
}

std::string chain(const std::string& table, const std::string& way, const std::string& hook) {
  return fmt::format(
      "add chain {} {} {{ type filter hook {} priority 0; }}\n"
      "add counter {} hit_{}\nadd counter {} passed_{}\n",
      table, way, hook, table, way, table, way);
}

std::string rules(const std::string& table, const std::string& way, const Filter& filter,
                  bool hits) {
  std::string text;
  if (hits) {
    text = fmt::format("add rule {} {} meta l4proto tcp", table, way);
    // The RST of an outgoing packet comes back through the input chain.
    if (filter.fate == Filter::Fate::reject)  // that network's, and no answer to an answer
      text += fmt::format(" {} \"{}\" tcp flags & rst == 0", way == "in" ? "iifname" : "oifname",
                          kHostInterface);
    if (filter.longer_than_bytes != 0)
      text += fmt::format(" meta length > {}", filter.longer_than_bytes);
    if (filter.one_in > 1) text += fmt::format(" numgen inc mod {} 0", filter.one_in);
    const auto* fate = filter.fate == Filter::Fate::drop ? "drop" : "reject with tcp reset";
    text += fmt::format(" counter name hit_{} {}\n", way, fate);
  }
  return text +
         fmt::format("add rule {} {} meta l4proto tcp counter name passed_{}\n", table, way, way);
}

bool hits(const Filter& filter, Filter::Way way) {
  return filter.way == Filter::Way::both || filter.way == way;
}

// The tables of one host: on the wire one at each receiving end, else one in the host.
std::string name(const char* family, Side host) {
  return fmt::format("{} migfuzz_{}", family, to_string(host));
}

void read_counters(const std::string& text, FilterCounts& counts, const std::string& table) {
  const auto listed = json::parse(text);
  for (const auto& entry : listed.at("nftables")) {
    if (!entry.contains("counter")) continue;
    const auto& counter = entry["counter"];
    if (counter.at("table") != table) continue;
    const std::string what = counter.at("name");
    const std::uint64_t packets = counter.at("packets");
    if (what == "hit_in") counts.hit_in += packets;
    if (what == "hit_out") counts.hit_out += packets;
    if (what == "passed_in") counts.passed_in += packets;
    if (what == "passed_out") counts.passed_out += packets;
  }
}

}  // namespace

void Filters::set(Side host, const Filter& filter) {
  clear(host);
  const bool in = hits(filter, Filter::Way::in), out = hits(filter, Filter::Way::out);
  if (filter.fate == Filter::Fate::reject) {
    const auto table = name("inet", host);
    run(network_, host,
        "add table " + table + "\n" + chain(table, "in", "input") + chain(table, "out", "output") +
            rules(table, "in", filter, in) + rules(table, "out", filter, out),
        false);
    return;
  }
  const auto table = name("netdev", host);
  run(network_, host,
      "add table " + table + "\n" +
          chain(table, "in", fmt::format("ingress device \"{}\"", kHostInterface)) +
          rules(table, "in", filter, in),
      false);
  run(network_, Side::channel,
      "add table " + table + "\n" +
          chain(table, "out", fmt::format("ingress device \"{}\"", port_name(host))) +
          rules(table, "out", filter, out),
      false);
}

void Filters::clear(Side host) {
  // Adding what exists does nothing, so that deleting never meets an absent table.
  const auto gone = [](const std::string& table) {
    return "add table " + table + "\ndelete table " + table + "\n";
  };
  run(network_, host, gone(name("netdev", host)) + gone(name("inet", host)), false);
  run(network_, Side::channel, gone(name("netdev", host)), false);
}

FilterCounts Filters::counts(Side host) const {
  FilterCounts counts;
  const auto table = fmt::format("migfuzz_{}", to_string(host));
  for (const auto side : {host, Side::channel})
    read_counters(run(network_, side, "list counters", true), counts, table);
  return counts;
}

}  // namespace migfuzz::io
