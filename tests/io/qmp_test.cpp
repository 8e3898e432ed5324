// QMP against a scripted peer on a socket pair: order, ids, refusals, and a peer that misbehaves.
//
// The peer answers from a ticker of the same loop: no thread, no process. Run alone: io_tests
// "[qmp]".
#include "harness/io/qmp.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstring>
#include <deque>
#include <nlohmann/json.hpp>

#include "harness/core/error.h"
#include "harness/io/listener.h"

namespace migfuzz {
namespace {

using Catch::Matchers::Contains;
using nlohmann::json;
constexpr const char* kGreeting =
    R"({"QMP":{"version":{"qemu":{"micro":22,"minor":2,"major":7}},"capabilities":[]}})";

// Answers each command with the next script; "$ID" stands for the command's id.
struct Peer {
  Peer() {
    auto [ours, theirs] = io::socket_pair();
    here = std::move(ours);
    there = std::move(theirs);
  }

  void say(std::string text) { unsent += text + "\n"; }

  void serve() {
    if (!here || mute) return;
    char chunk[65536];
    ssize_t n = 0;
    while ((n = ::recv(here.get(), chunk, sizeof chunk, MSG_DONTWAIT)) > 0)
      incoming.append(chunk, static_cast<std::size_t>(n));
    for (std::size_t end; (end = incoming.find('\n')) != incoming.npos;) {
      commands.push_back(json::parse(incoming.substr(0, end)));
      incoming.erase(0, end + 1);
      if (answers.empty()) continue;
      auto text = answers.front();
      answers.pop_front();
      for (std::size_t at; (at = text.find("$ID")) != text.npos;)
        text.replace(at, 3, commands.back()["id"].dump());
      if (text == "HANG UP") return here.reset();
      if (!text.empty()) say(text);
    }
    while (!unsent.empty() &&
           (n = ::send(here.get(), unsent.data(), unsent.size(), MSG_DONTWAIT | MSG_NOSIGNAL)) > 0)
      unsent.erase(0, static_cast<std::size_t>(n));
  }

  io::UniqueFd here, there;
  bool mute = false;  // the test itself reads
  std::string incoming, unsent;
  std::deque<std::string> answers;
  std::vector<json> commands;
};

struct Talk {
  Talk()
      : qmp(loop, std::move(peer.there),
            {[this](const std::string& name, const json&) { log.push_back("event " + name); },
             [this] { log.push_back("closed"); }, nullptr}) {}

  void note(const std::string& what, const io::QmpError* error) {
    log.push_back(what + (error == nullptr ? " ok" : " " + error->kind));
  }
  bool until(const std::function<bool()>& done, int ms = 3000) {
    return loop.run_until(done, Clock::now() + Milliseconds(ms));
  }
  Clock::time_point soon(int ms = 3000) const { return Clock::now() + Milliseconds(ms); }

  io::Loop loop;
  Peer peer;
  std::vector<std::string> log;
  io::Qmp qmp;
  io::Ticker ticker{loop, Milliseconds(1), [this] { peer.serve(); }};
};

TEST_CASE("The greeting gives the version, then capabilities are negotiated", "[qmp]") {
  Talk t;
  t.peer.say(kGreeting);
  t.peer.answers = {R"({"return":{},"id":$ID})"};
  CHECK(t.qmp.negotiate(true, t.soon()) == "7.2.22");
  REQUIRE(t.peer.commands.size() == 1);
  CHECK(t.peer.commands[0]["execute"] == "qmp_capabilities");
  CHECK(t.peer.commands[0]["arguments"]["enable"] == json{"oob"});
}

TEST_CASE("A greeting that does not come is told, early or late", "[qmp]") {
  Talk silent;
  CHECK_THROWS_WITH(silent.qmp.negotiate(false, silent.soon(30)), Contains("no QMP greeting"));
  Talk gone;
  gone.peer.here.reset();
  CHECK_THROWS_WITH(gone.qmp.negotiate(false, gone.soon()), Contains("before its QMP greeting"));
}

TEST_CASE("Events between a command and its reply keep their place", "[qmp]") {
  Talk t;
  t.peer.answers = {R"({"event":"STOP","data":{}})"
                    "\n"
                    R"({"event":"RESUME"})"
                    "\n"
                    R"({"return":{},"id":$ID})"
                    "\n"
                    R"({"event":"SHUTDOWN"})"};
  t.qmp.send("stop", {}, [&](const json&, const io::QmpError* error) { t.note("stop", error); });
  REQUIRE(t.until([&] { return t.log.size() == 4; }));
  CHECK(t.log ==
        std::vector<std::string>{"event STOP", "event RESUME", "stop ok", "event SHUTDOWN"});
}

TEST_CASE("Replies go to the command with their id, in whatever order they come", "[qmp]") {
  Talk t;
  t.peer.answers = {"", R"({"return":{},"id":2})"
                        "\n"
                        R"({"return":{},"id":99})"
                        "\n"
                        R"({"return":{"a":1},"id":1})"
                        "\n"
                        R"({"return":{},"id":1})"};
  t.qmp.send("one", {}, [&](const json& value, const io::QmpError* error) {
    t.note("one " + value.dump(), error);
  });
  CHECK(t.qmp.waiting_since().has_value());
  t.qmp.send("two", {}, [&](const json&, const io::QmpError* error) { t.note("two", error); });
  REQUIRE(t.until([&] { return t.log.size() == 2; }));
  CHECK(t.log == std::vector<std::string>{"two ok", R"(one {"a":1} ok)"});
  CHECK_FALSE(t.qmp.waiting_since().has_value());
  t.until([] { return false; }, 10);
  CHECK(t.log.size() == 2);
}

TEST_CASE("A refusal carries QMP's class and text", "[qmp]") {
  Talk t;
  const auto refusal = R"({"id":$ID,"error":{"class":"GenericError","desc":"not now"}})";
  t.peer.answers = {refusal, refusal};
  t.qmp.send("cont", {}, [&](const json&, const io::QmpError* error) { t.note("cont", error); });
  REQUIRE(t.until([&] { return !t.log.empty(); }));
  CHECK(t.log[0] == "cont GenericError");
  CHECK_THROWS_WITH(t.qmp.call("cont", {}, t.soon()), Contains("cont was refused: not now"));
  CHECK(t.qmp.open());
}

TEST_CASE("A call that is not answered in time names its command; a late reply does no harm",
          "[qmp]") {
  Talk t;
  CHECK_THROWS_WITH(t.qmp.call("query-status", {}, t.soon(30)),
                    Contains("no reply to QMP command query-status"));
  CHECK(t.qmp.waiting_since().has_value());
  t.peer.say(R"({"return":{},"id":1})");
  CHECK(t.until([&] { return !t.qmp.waiting_since(); }));
}

TEST_CASE("A command that nobody answered was not refused", "[qmp]") {
  Talk t;
  t.peer.answers = {R"({"error":{"class":"GenericError","desc":"no"},"id":$ID})", ""};
  std::vector<bool> unanswered;
  const auto reply = [&](const json&, const io::QmpError* error) {
    unanswered.push_back(error != nullptr && error->unanswered());
  };
  t.qmp.send("refused", {}, reply);
  t.qmp.send("closed upon", {}, reply);
  REQUIRE(t.until([&] { return unanswered.size() == 1; }));
  t.qmp.close();
  CHECK(unanswered == std::vector<bool>{false, true});
}

TEST_CASE("A peer that hangs up mid-command fails every open command, once, and later ones",
          "[qmp]") {
  Talk t;
  t.peer.answers = {"", "HANG UP"};
  for (const auto* name : {"a", "b"})
    t.qmp.send(name, {},
               [&, name](const json&, const io::QmpError* error) { t.note(name, error); });
  REQUIRE(t.until([&] { return t.log.size() == 3; }));
  CHECK(t.log == std::vector<std::string>{"a ConnectionClosed", "b ConnectionClosed", "closed"});
  CHECK_FALSE(t.qmp.open());
  t.qmp.send("c", {}, [&](const json&, const io::QmpError* error) { t.note("c", error); });
  CHECK(t.log.back() == "c ConnectionClosed");
  CHECK_THROWS_AS(t.qmp.call("d", {}, t.soon()), InfraError);
}

TEST_CASE("Lines may come in pieces, with CRLF and empty ones between", "[qmp]") {
  Talk t;
  const std::string text =
      "\r\n"
      R"({"event":"A"})"
      "\r\n\r\n"
      R"({"event":"B"})"
      "\n";
  for (const char c : text) {
    t.peer.unsent += c;
    t.peer.serve();
    t.loop.poll();
  }
  CHECK(t.log == std::vector<std::string>{"event A", "event B"});
}

TEST_CASE("What is not QMP ends the connection", "[qmp]") {
  for (const auto* line : {"hello", "[1,2]", "{\"event\":", "\xff\xfe"}) {
    Talk t;
    t.peer.say(line);
    REQUIRE(t.until([&] { return !t.qmp.open(); }));
    CHECK(t.log == std::vector<std::string>{"closed"});
    CHECK_THROWS_WITH(t.qmp.call("x", {}, t.soon()), Contains("not a QMP message"));
  }
}

TEST_CASE("JSON with values of the wrong type ends the connection, too", "[qmp]") {
  for (const auto* line : {R"({"event":5})", R"({"QMP":5})", R"({"id":1,"error":"x"})"}) {
    Talk t;
    t.qmp.send("a", {}, nullptr);
    t.qmp.send("b", {}, [](const json&, const io::QmpError*) {});
    t.peer.answers = {"", line};
    if (std::string_view(line).find("id") != std::string_view::npos)
      t.qmp.send("c", {}, [](const json&, const io::QmpError*) {});
    CHECK_NOTHROW(t.until([&] { return !t.qmp.open(); }, 50));
  }
}

TEST_CASE("A line without an end is cut off at 4 MiB", "[qmp]") {
  Talk t;
  t.peer.unsent = std::string(5 << 20, 'x');
  REQUIRE(t.until([&] { return !t.qmp.open(); }, 10000));
  CHECK_THROWS_WITH(t.qmp.call("x", {}, t.soon()), Contains("longer than 4 MiB"));
}

TEST_CASE("A descriptor travels with its command, a full socket only delays", "[qmp]") {
  Talk t;
  io::make_tight(t.peer.here.get());
  const io::MemoryFile file("passed");
  const std::string big(200000, 'x');
  t.peer.answers = {R"({"return":{},"id":$ID})", R"({"return":{},"id":$ID})"};
  t.qmp.send("big", {{"text", big}},
             [&](const json&, const io::QmpError* error) { t.note("big", error); });
  CHECK_NOTHROW(t.qmp.call("getfd", {{"fdname", "x"}}, t.soon(), file.fd()));
  CHECK(t.log == std::vector<std::string>{"big ok"});
  REQUIRE(t.peer.commands.size() == 2);
  CHECK(t.peer.commands[0]["arguments"]["text"] == big);
  CHECK(::fcntl(file.fd(), F_GETFD) >= 0);  // ours stays open
}

TEST_CASE("A passed descriptor arrives and is the same file", "[qmp]") {
  Talk t;
  io::MemoryFile file("passed");
  t.peer.mute = true;
  t.qmp.send("getfd", {{"fdname", "x"}}, nullptr, false, file.fd());
  char text[256];
  iovec part{text, sizeof text};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  REQUIRE(::recvmsg(t.peer.here.get(), &message, 0) > 0);
  const auto* header = CMSG_FIRSTHDR(&message);
  REQUIRE(header != nullptr);
  REQUIRE(header->cmsg_type == SCM_RIGHTS);
  int raw = -1;
  std::memcpy(&raw, CMSG_DATA(header), sizeof raw);
  const io::UniqueFd received(raw);
  CHECK(::write(received.get(), "ok", 2) == 2);
  CHECK(file.text() == "ok");
}

TEST_CASE("A closed connection fails its commands; a new one starts with a greeting anew",
          "[qmp]") {
  io::Loop loop;
  const auto listener = io::listen_unix();
  std::vector<std::string> log;
  const auto dial = [&] {
    return std::make_unique<io::Qmp>(
        loop, io::connect_unix(listener.name),
        io::Qmp::Handlers{[&](const std::string& name, const json&) { log.push_back(name); },
                          [&] { log.push_back("closed"); }, nullptr});
  };
  Peer peer;
  const auto accept = [&] {
    peer.here = io::UniqueFd(::accept4(listener.socket.get(), nullptr, nullptr, SOCK_NONBLOCK));
    REQUIRE(peer.here);
    peer.say(kGreeting);
  };
  const io::Ticker ticker(loop, Milliseconds(1), [&] { peer.serve(); });
  const auto until = [&](const std::function<bool()>& done) {
    return loop.run_until(done, Clock::now() + Milliseconds(3000));
  };
  peer.answers = {R"({"return":{},"id":$ID})", ""};
  auto qmp = dial();
  accept();
  CHECK(qmp->negotiate(false, Clock::now() + Milliseconds(3000)) == "7.2.22");
  qmp->send("query-status", {}, [&](const json&, const io::QmpError* error) {
    log.push_back("query-status " + (error == nullptr ? "ok" : error->kind));
  });
  qmp->close();
  CHECK(log == std::vector<std::string>{"query-status ConnectionClosed", "closed"});
  CHECK_FALSE(qmp->open());
  // The peer notices the end, and an event of the meantime is lost.
  char byte = 0;
  const auto ended = [&] {
    return ::recv(peer.here.get(), &byte, 1, MSG_DONTWAIT | MSG_PEEK) == 0;
  };
  CHECK(until(ended));
  log.clear();
  peer.commands.clear();
  peer.incoming.clear();
  peer.answers = {R"({"return":{},"id":$ID})", R"({"return":{"status":"paused"},"id":$ID})"};
  qmp = dial();
  qmp->begin(false, [&] { log.push_back("ready"); });
  qmp->send("query-status", {}, [&](const json& value, const io::QmpError*) {
    log.push_back("query-status " + value.value("status", ""));
  });
  CHECK_FALSE(qmp->greeted());
  accept();
  CHECK(until([&] { return log.size() == 2; }));
  CHECK(log == std::vector<std::string>{"ready", "query-status paused"});
  REQUIRE(peer.commands.size() == 2);
  CHECK(peer.commands[0]["execute"] == "qmp_capabilities");
  CHECK(peer.commands[1]["execute"] == "query-status");
}

TEST_CASE("While held nothing passes either way; then everything does, in order", "[qmp]") {
  Talk t;
  t.qmp.hold(true);
  t.qmp.send("stop", {}, [&](const json&, const io::QmpError* error) { t.note("stop", error); });
  t.peer.answers = {R"({"return":{},"id":$ID})"};
  t.peer.say(R"({"event":"A"})");
  t.until([] { return false; }, 20);
  CHECK(t.peer.commands.empty());
  CHECK(t.log.empty());
  CHECK(t.qmp.open());
  CHECK(t.qmp.waiting_since().has_value());
  t.qmp.hold(false);
  CHECK(t.until([&] { return t.log.size() == 2; }));
  CHECK(t.log == std::vector<std::string>{"event A", "stop ok"});
}

TEST_CASE("The kernel tells who is served by a listening socket and who waits", "[listener]") {
  auto listener = io::listen_unix();
  const auto first = io::connect_unix(listener.name), second = io::connect_unix(listener.name);
  REQUIRE(first);
  CHECK(io::connections_of(listener.name).queued == 2);
  io::UniqueFd served(::accept4(listener.socket.get(), nullptr, nullptr, 0));
  CHECK(io::connections_of(listener.name).accepted == 1);
  CHECK(io::connections_of(listener.name).queued == 1);
  served.reset();
  CHECK(io::connections_of(listener.name).accepted == 0);
  listener.socket.reset();
  CHECK_FALSE(io::connect_unix(listener.name));
}

TEST_CASE("Nothing is called any more once the connection object has ended", "[qmp]") {
  io::Loop loop;
  Peer peer;
  int calls = 0;
  {
    io::Qmp qmp(loop, std::move(peer.there),
                {[&](const std::string&, const json&) { ++calls; }, [&] { ++calls; }, nullptr});
    qmp.send("x", {}, [&](const json&, const io::QmpError*) { ++calls; });
    peer.say(R"({"event":"A"})");
    peer.serve();
  }
  loop.poll();
  CHECK(calls == 0);
}

}  // namespace
}  // namespace migfuzz
