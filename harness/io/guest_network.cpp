#include "harness/io/guest_network.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <netlink/cache.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "harness/core/error.h"
#include "harness/io/netlink.h"

namespace migfuzz::io {
namespace {

constexpr const char* kPublic = "public";
constexpr const char* kGuests = "guests";
constexpr const char* kTap = "vm0";
constexpr const char* kUplink = "uplink";
constexpr std::uint16_t kRarp = 0x8035;   // ETH_P_RARP
constexpr std::size_t kFrameMost = 2048;  // an MTU of 1500 and its header; longer ones are cut
constexpr int kBufferBytes = 8 << 20;     // of a listener; the kernel may give less
// The client's, for good: a bridge without one of its own takes its ports' least, and those change.
constexpr Mac kClient{0x52, 0x54, 0x00, 0x12, 0x34, 0x01};

const char* uplink_port(Side host) { return host == Side::source ? "vm-s" : "vm-d"; }

UniqueFd make_tap() {
  UniqueFd tap(::open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK));
  if (!tap) fail("network: /dev/net/tun");
  ifreq request{};
  request.ifr_flags = IFF_TAP | IFF_NO_PI;
  std::strncpy(request.ifr_name, kTap, IFNAMSIZ - 1);
  if (::ioctl(tap.get(), TUNSETIFF, &request) != 0) fail("network: making a tap device");
  return tap;
}

// Inside the switch's namespace.
UniqueFd listen_on(int index) {
  UniqueFd fd(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) fail("network: listening to frames");
  const int on = 1;
  if (::setsockopt(fd.get(), SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on) != 0)
    fail("network: time stamps of frames");
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &kBufferBytes, sizeof kBufferBytes);
  // Kernels before 4.20 do not know it; then what the client sends is read and dropped here.
  ::setsockopt(fd.get(), SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof on);
  sockaddr_ll where{};
  where.sll_family = AF_PACKET;
  where.sll_protocol = htons(ETH_P_ALL);
  where.sll_ifindex = index;
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&where), sizeof where) != 0)
    fail("network: listening to a port");
  return fd;
}

VmFrame::Kind kind_of(const std::uint8_t* frame, std::size_t size) {
  const auto type = static_cast<std::uint16_t>(frame[12] << 8 | frame[13]);
  if (type == kRarp) return VmFrame::Kind::rarp;
  // Behind the 14 bytes of Ethernet, ARP for IPv4 has the sender's address at 14, the target's at
  // 24 (RFC 826).
  if (type == ETH_P_ARP && size >= 14 + 28 && std::memcmp(frame + 28, frame + 38, 4) == 0)
    return VmFrame::Kind::gratuitous_arp;
  return VmFrame::Kind::traffic;
}

// The kernel stamps by the clock of the day, everything here counts by the steady one. How far the
// day is ahead, read while nobody took the processor away.
std::chrono::nanoseconds day_ahead() {
  constexpr std::chrono::microseconds kAtOnce{50};
  for (int tries = 0;; ++tries) {
    const auto before = Clock::now();
    const auto day = std::chrono::system_clock::now();
    const auto after = Clock::now();
    if (after - before > kAtOnce && tries < 100) continue;
    return day.time_since_epoch() - (before + (after - before) / 2).time_since_epoch();
  }
}

}  // namespace

struct GuestNetwork::State {
  Mac vm;
  NlSocket middle;
  UniqueFd taps[2], listeners[2];
  std::vector<std::uint8_t> last_traffic{};
  std::uint64_t lost = 0;

  static std::size_t at(Side host) { return host == Side::source ? 0 : 1; }

  void join(const Network& network, Side host) {
    const auto inside_host = socket_in(network.namespace_fd(host));
    add_cable(middle.get(), uplink_port(host), kUplink, network.namespace_fd(host));
    enslave(middle.get(), kPublic, uplink_port(host));
    add_bridge(inside_host.get(), kGuests);
    network.inside(host, [&] { taps[at(host)] = make_tap(); });
    for (const auto* port : {kUplink, kTap}) {
      enslave(inside_host.get(), kGuests, port);
      set_up(inside_host.get(), port, true);
    }
    set_up(inside_host.get(), kGuests, true);
    set_up(middle.get(), uplink_port(host), true);
    wait_until_it_forwards(inside_host.get(), kUplink);
    wait_until_it_forwards(inside_host.get(), kTap);
    wait_until_it_forwards(middle.get(), uplink_port(host));
    const auto index = rtnl_link_get_ifindex(find_link(middle.get(), uplink_port(host)).get());
    network.inside(Side::channel, [&] { listeners[at(host)] = listen_on(index); });
  }

  // True when there may be more.
  bool read_one(Side host, std::chrono::nanoseconds ahead, std::vector<VmFrame>& frames) {
    std::uint8_t frame[kFrameMost];
    alignas(cmsghdr) char control[64];
    sockaddr_ll from{};
    iovec part{frame, sizeof frame};
    msghdr message{&from, sizeof from, &part, 1, control, sizeof control, 0};
    const auto size = ::recvmsg(listeners[at(host)].get(), &message, MSG_DONTWAIT);
    if (size < 0) return false;
    const bool its_own = size >= 14 && from.sll_pkttype != PACKET_OUTGOING &&
                         std::equal(vm.begin(), vm.end(), frame + 6);
    const auto* stamp = CMSG_FIRSTHDR(&message);
    if (!its_own || stamp == nullptr || stamp->cmsg_level != SOL_SOCKET ||
        stamp->cmsg_type != SCM_TIMESTAMPNS)
      return true;
    timespec when{};
    std::memcpy(&when, CMSG_DATA(stamp), sizeof when);
    const auto kind = kind_of(frame, static_cast<std::size_t>(size));
    if (kind == VmFrame::Kind::traffic) last_traffic.assign(frame, frame + size);
    const auto day = std::chrono::seconds(when.tv_sec) + std::chrono::nanoseconds(when.tv_nsec);
    frames.push_back({host, Clock::time_point(day - ahead), kind});
    return true;
  }
};

GuestNetwork::GuestNetwork(const Network& network, const Mac& vm)
    : state_(new State{vm, socket_in(network.namespace_fd(Side::channel)), {}, {}}) {
  add_bridge(state_->middle.get(), kPublic);
  set_hardware_address(state_->middle.get(), kPublic, kClient.data());
  set_up(state_->middle.get(), kPublic, true);
  add_address(state_->middle.get(), kPublic, kClientAddress);
  for (const auto host : {Side::source, Side::destination}) state_->join(network, host);
}

GuestNetwork::~GuestNetwork() = default;

std::string GuestNetwork::impossible() {
  const UniqueFd tap(::open("/dev/net/tun", O_RDWR | O_CLOEXEC));
  return tap ? "" : std::string("/dev/net/tun: ") + std::strerror(errno);
}

int GuestNetwork::tap_fd(Side host) const { return state_->taps[State::at(host)].get(); }

void GuestNetwork::follow_destination(const Network& network) {
  // The old host's namespace may still be held by whoever died in it last.
  state_->taps[1].reset();
  state_->listeners[1].reset();
  nl_sock* middle = state_->middle.get();
  rtnl_link* left = nullptr;
  if (rtnl_link_get_kernel(middle, 0, uplink_port(Side::destination), &left) == 0) {
    const Link old(left);
    rtnl_link_delete(middle, old.get());
  }
  state_->join(network, Side::destination);
}

void GuestNetwork::set_link(Side host, bool up) {
  set_up(state_->middle.get(), uplink_port(host), up);
  if (up) wait_until_it_forwards(state_->middle.get(), uplink_port(host));
}

bool GuestNetwork::link_up(Side host) const {
  const auto link = find_link(state_->middle.get(), uplink_port(host));
  return rtnl_link_get_operstate(link.get()) == IF_OPER_UP &&
         forwards(state_->middle.get(), uplink_port(host));
}

std::optional<Side> GuestNetwork::place_of_vm() const {
  nl_sock* middle = state_->middle.get();
  nl_cache* cache = nullptr;
  check(nl_cache_alloc_name("route/neigh", &cache), "reading the forwarding table");
  const std::unique_ptr<nl_cache, decltype(&nl_cache_free)> owned(cache, &nl_cache_free);
  nl_cache_set_arg1(cache, AF_BRIDGE);  // the family that is dumped
  check(nl_cache_refill(middle, cache), "reading the forwarding table");
  std::optional<Side> place;
  for (auto* one = nl_cache_get_first(cache); one != nullptr; one = nl_cache_get_next(one)) {
    auto* const entry = reinterpret_cast<rtnl_neigh*>(one);
    const auto* address = rtnl_neigh_get_lladdr(entry);
    if (address == nullptr || nl_addr_get_len(address) != state_->vm.size() ||
        std::memcmp(nl_addr_get_binary_addr(address), state_->vm.data(), state_->vm.size()) != 0)
      continue;
    for (const auto host : {Side::source, Side::destination}) {
      const auto port = find_link(middle, uplink_port(host));
      if (rtnl_neigh_get_ifindex(entry) == rtnl_link_get_ifindex(port.get())) place = host;
    }
  }
  return place;
}

std::vector<VmFrame> GuestNetwork::frames() {
  std::vector<VmFrame> all;
  const auto ahead = day_ahead();
  for (const auto host : {Side::source, Side::destination})
    while (state_->listeners[State::at(host)] && state_->read_one(host, ahead, all)) {
    }
  std::sort(all.begin(), all.end(), [](const VmFrame& a, const VmFrame& b) { return a.at < b.at; });
  return all;
}

std::uint64_t GuestNetwork::lost() const {
  for (const auto& listener : state_->listeners) {
    tpacket_stats since{};  // since the last question
    socklen_t size = sizeof since;
    if (::getsockopt(listener.get(), SOL_PACKET, PACKET_STATISTICS, &since, &size) == 0)
      state_->lost += since.tp_drops;
  }
  return state_->lost;
}

void GuestNetwork::repeat(Side host) const {
  const auto& frame = state_->last_traffic;
  if (frame.empty()) throw InfraError("network: the VM has sent nothing that could be repeated");
  if (::write(tap_fd(host), frame.data(), frame.size()) != static_cast<ssize_t>(frame.size()))
    fail("network: repeating a frame");
}

}  // namespace migfuzz::io
