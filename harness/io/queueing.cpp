#include "harness/io/queueing.h"

#include <fmt/format.h>
#include <linux/ethtool.h>
#include <linux/if.h>
#include <linux/sockios.h>
#include <netlink/route/qdisc.h>
#include <netlink/route/qdisc/netem.h>
#include <netlink/route/qdisc/tbf.h>
#include <netlink/route/tc.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <array>
#include <cstring>

#include "harness/core/error.h"
#include "harness/io/netlink.h"

namespace migfuzz::io {
namespace {

constexpr int kBurstBytes = 3 * 1600;    // three full packets: less and TBF passes none of them
constexpr int kQueueBytesMax = 1 << 20;  // longer than any send buffer here: rate, not loss
constexpr int kQueuePacketsMax = 10000;  // of netem; its default of 1000 would lose packets

struct QdiscDeleter {
  void operator()(rtnl_qdisc* qdisc) const { rtnl_qdisc_put(qdisc); }
};
using Qdisc = std::unique_ptr<rtnl_qdisc, QdiscDeleter>;

// One end of a leg: the namespace it lies in and its interface there.
struct End {
  Side where;
  const char* interface;
};
std::array<End, 2> ends(Side host) {
  return {End{host, kHostInterface}, End{Side::channel, port_name(host)}};
}

Qdisc root_of(int index) {
  Qdisc qdisc(rtnl_qdisc_alloc());
  if (!qdisc) throw InfraError("network: out of memory");
  rtnl_tc_set_ifindex(TC_CAST(qdisc.get()), index);
  rtnl_tc_set_parent(TC_CAST(qdisc.get()), TC_H_ROOT);
  return qdisc;
}

// Everything that libnl 3.7 asserts on is set before the message is built.
Qdisc made_of(const Queueing& queueing, int index) {
  auto qdisc = root_of(index);
  rtnl_tc_set_handle(TC_CAST(qdisc.get()), TC_HANDLE(1, 0));
  if (queueing.bytes_per_s_max != 0) {
    check(rtnl_tc_set_kind(TC_CAST(qdisc.get()), "tbf"), "tbf");
    rtnl_qdisc_tbf_set_rate(qdisc.get(), static_cast<int>(queueing.bytes_per_s_max), kBurstBytes,
                            0);
    rtnl_qdisc_tbf_set_limit(qdisc.get(), kQueueBytesMax);
    return qdisc;
  }
  check(rtnl_tc_set_kind(TC_CAST(qdisc.get()), "netem"), "netem");
  rtnl_netem_set_limit(qdisc.get(), kQueuePacketsMax);
  rtnl_netem_set_delay(qdisc.get(), static_cast<int>(queueing.delay_ms * 1000));
  rtnl_netem_set_jitter(qdisc.get(), static_cast<int>(queueing.jitter_ms * 1000));
  // Of 2^32, as the kernel counts it (tc_netem_qopt).
  const std::uint64_t share = std::uint64_t{0xffffffff} * queueing.loss_percent / 100;
  rtnl_netem_set_loss(qdisc.get(), static_cast<int>(static_cast<std::uint32_t>(share)));
  return qdisc;
}

template <typename Act>
void with_ethtool(const Network& network, const End& end, const Act& act) {
  network.inside(end.where, [&] {
    const UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!socket) fail("network: ethtool");
    act([&](std::uint32_t command, std::uint32_t value) {
      ethtool_value request{command, value};
      ifreq who{};
      std::strncpy(who.ifr_name, end.interface, IFNAMSIZ - 1);
      who.ifr_data = reinterpret_cast<char*>(&request);
      if (::ioctl(socket.get(), SIOCETHTOOL, &who) != 0) fail("network: segmentation offload");
      return request.data;
    });
  });
}

}  // namespace

void QueuesOfLegs::set(Side host, const Queueing& queueing) {
  clear(host);
  set_offload(host, false);
  for (const auto& end : ends(host)) {
    const auto socket = socket_in(network_.namespace_fd(end.where));
    const auto link = find_link(socket.get(), end.interface);
    const auto qdisc = made_of(queueing, rtnl_link_get_ifindex(link.get()));
    check(rtnl_qdisc_add(socket.get(), qdisc.get(), NLM_F_CREATE | NLM_F_REPLACE),
          fmt::format("a queue on {}", end.interface));
  }
}

void QueuesOfLegs::clear(Side host) {
  for (const auto& end : ends(host)) {
    const auto socket = socket_in(network_.namespace_fd(end.where));
    const auto link = find_link(socket.get(), end.interface);
    const auto qdisc = root_of(rtnl_link_get_ifindex(link.get()));
    const int error = rtnl_qdisc_delete(socket.get(), qdisc.get());
    // Nothing of ours there: the kernel's own default cannot be deleted.
    if (error != -NLE_OBJ_NOTFOUND && error != -NLE_INVAL) check(error, "taking a queue away");
  }
  set_offload(host, true);
}

QueueCounts QueuesOfLegs::counts(Side host) const {
  QueueCounts counts;
  for (const auto& end : ends(host)) {
    const auto socket = socket_in(network_.namespace_fd(end.where));
    const auto link = find_link(socket.get(), end.interface);
    nl_cache* cache = nullptr;
    check(rtnl_qdisc_alloc_cache(socket.get(), &cache), "reading queues");
    rtnl_qdisc* found = rtnl_qdisc_get(cache, rtnl_link_get_ifindex(link.get()), TC_HANDLE(1, 0));
    if (found != nullptr) {
      const auto stat = [&](rtnl_tc_stat which) { return rtnl_tc_get_stat(TC_CAST(found), which); };
      counts.passed_bytes += stat(RTNL_TC_BYTES);
      counts.passed_packets += stat(RTNL_TC_PACKETS);
      counts.dropped_packets += stat(RTNL_TC_DROPS);
      counts.held_back_packets += stat(RTNL_TC_OVERLIMITS);
      counts.waiting_bytes += stat(RTNL_TC_BACKLOG);
      rtnl_qdisc_put(found);
    }
    nl_cache_free(cache);
  }
  return counts;
}

void QueuesOfLegs::set_offload(Side host, bool on) {
  for (const auto& end : ends(host))
    with_ethtool(network_, end, [&](const auto& command) {
      // TSO needs GSO's checksum offload and falls with it; both are named all the same.
      for (const auto which : {ETHTOOL_SGSO, ETHTOOL_STSO})
        command(static_cast<std::uint32_t>(which), on ? 1u : 0u);
    });
}

bool QueuesOfLegs::offload(Side host) const {
  bool any = false;
  for (const auto& end : ends(host))
    with_ethtool(network_, end, [&](const auto& command) {
      for (const auto which : {ETHTOOL_GGSO, ETHTOOL_GTSO})
        any = command(static_cast<std::uint32_t>(which), 0) != 0 || any;
    });
  return any;
}

}  // namespace migfuzz::io
