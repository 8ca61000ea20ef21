// The sockets towards the other routers, and the life of an instance.
#include "packet_io.h"

#include <arpa/inet.h>
#include <linux/udp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>

#ifndef SOL_UDP
#define SOL_UDP 17
#endif

namespace brunel {
namespace {

/** Room for bursts while a pump writes to a TUN; too little shows as loss under load. */
constexpr int SOCKET_BUFFER = 8 << 20;

bool on(int fd, int level, int name, int value = 1) { return setsockopt(fd, level, name, &value, sizeof value) == 0; }

void makeLarge(int fd) {
  if (!on(fd, SOL_SOCKET, SO_RCVBUFFORCE, SOCKET_BUFFER)) on(fd, SOL_SOCKET, SO_RCVBUF, SOCKET_BUFFER);
  if (!on(fd, SOL_SOCKET, SO_SNDBUFFORCE, SOCKET_BUFFER)) on(fd, SOL_SOCKET, SO_SNDBUF, SOCKET_BUFFER);
}

/** DF on what we send (but see letFragment) and no path MTU of the kernel's: packetization is ours (RFC 4301 §8). */
void configure(int fd, bool v6, bool udp) {
  makeLarge(fd);
  if (v6) {
    on(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO);
    on(fd, IPPROTO_IPV6, IPV6_RECVTCLASS);
    on(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE);
    on(fd, IPPROTO_IPV6, IPV6_RECVERR);
  } else {
    on(fd, IPPROTO_IP, IP_PKTINFO);
    on(fd, IPPROTO_IP, IP_RECVTOS);
    on(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE);
    on(fd, IPPROTO_IP, IP_RECVERR);
  }
  if (udp) on(fd, SOL_UDP, UDP_GRO);  // an old kernel hands up single datagrams
}

/** The socket, -1 refused, -2 this host has no such family. */
int openSocket(int kind, bool v6, int port, Refusal& why) {
  const bool udp = kind <= SOCKET_UDP4500;
  const int protocol = udp ? IPPROTO_UDP : kind == SOCKET_ESP ? IPPROTO_ESP : IPPROTO_GRE;
  const int type = (udp ? SOCK_DGRAM : SOCK_RAW) | SOCK_NONBLOCK | SOCK_CLOEXEC;
  const int fd = socket(v6 ? AF_INET6 : AF_INET, type, protocol);
  const auto refuse = [&](const char* call) {
    const int error = errno;
    why = {call, error, kind * 2 + (v6 ? 1 : 0)};
    if (fd >= 0) close(fd);
    return v6 && (error == EAFNOSUPPORT || error == EADDRNOTAVAIL || error == EPROTONOSUPPORT) ? -2 : -1;
  };
  if (fd < 0) return refuse("socket");
  if (v6 && udp && !on(fd, IPPROTO_IPV6, IPV6_V6ONLY)) return refuse("IPV6_V6ONLY");
  configure(fd, v6, udp);
  Address any;
  any.parse(v6 ? "::" : "0.0.0.0", udp ? port : 0);
  if (bind(fd, &any.sa, any.length) < 0) return refuse("bind");
  return fd;
}

bool openPump(Pump& pump, size_t sources, Refusal& why) {
  pump.epoll = epoll_create1(EPOLL_CLOEXEC);
  pump.wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  epoll_event event = {};
  event.events = EPOLLIN;
  event.data.u32 = WAKE_SOURCE;
  if (pump.epoll < 0 || pump.wake < 0 || epoll_ctl(pump.epoll, EPOLL_CTL_ADD, pump.wake, &event) < 0) {
    why = {"epoll", errno, -1};
    return false;
  }
  pump.ready.resize(sources);
  pump.isReady.resize(sources);
  pump.sending = newSendScratch();
  return true;
}

bool openSockets(Io& io, Refusal& why) {
  for (int i = 0; i < SOCKETS; i++) {
    const int fd = openSocket(i >> 1, (i & 1) != 0, io.ports[(i >> 1) & 1], why);
    if (fd == -2) continue;
    if (fd < 0) return false;
    io.sockets[i] = fd;
    epoll_event event = {};
    event.events = EPOLLIN | EPOLLET;
    event.data.u32 = static_cast<uint32_t>(i);
    if (epoll_ctl(io.pumps[INBOUND].epoll, EPOLL_CTL_ADD, fd, &event) < 0) {
      why = {"epoll_ctl", errno, i};
      return false;
    }
  }
  return true;
}

}  // namespace

bool Address::parse(const char* text, int port) {
  memset(this, 0, sizeof *this);
  if (inet_pton(AF_INET, text, &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(static_cast<uint16_t>(port));
    length = sizeof v4;
    return true;
  }
  memset(this, 0, sizeof *this);
  if (inet_pton(AF_INET6, text, &v6.sin6_addr) != 1) return false;
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(static_cast<uint16_t>(port));
  length = sizeof v6;
  return true;
}

int Io::socketFor(const Path& path) const {
  const int family = path.remote.sa.sa_family == AF_INET6 ? 1 : 0;
  if (!path.udp) return sockets[SOCKET_ESP * 2 + family];
  const int port = ntohs(path.local.sa.sa_family == AF_INET6 ? path.local.v6.sin6_port : path.local.v4.sin_port);
  return sockets[(port == ports[0] ? SOCKET_UDP500 : SOCKET_UDP4500) * 2 + family];
}

void Io::letFragment(int fd, bool may) {
  for (int i = 0; i < SOCKETS; i += 2) {  // the even ones are IPv4
    if (sockets[i] != fd || fragmenting[i] == may) continue;
    if (on(fd, IPPROTO_IP, IP_MTU_DISCOVER, may ? IP_PMTUDISC_DONT : IP_PMTUDISC_PROBE)) fragmenting[i] = may;
  }
}

Io* openIo(int ikePort, int nattPort, Refusal& why) {
  Io* io = new Io;
  io->ports[0] = ikePort;
  io->ports[1] = nattPort;
  if (openPump(io->pumps[INBOUND], SOCKETS, why) && openPump(io->pumps[OUTBOUND], MAX_TUNS, why) &&
      (ikePort < 0 || openSockets(*io, why))) {
    io->pumps[OUTBOUND].superPacket.resize(MAX_IP_PACKET + 4096);
    return io;
  }
  closeIo(io);
  return nullptr;
}

void closeIo(Io* io) {
  for (int i = 0; i < MAX_TUNS; i++) closeTun(*io, i);
  for (int i = 0; i < MAX_SAS; i++)
    if (Sa* sa = io->sas.exchange(i, nullptr)) freeSa(sa);
  for (int i = 0; i < MAX_PATHS; i++) delete io->paths.exchange(i, nullptr);
  for (int fd : io->sockets)
    if (fd >= 0) close(fd);
  for (Pump& pump : io->pumps) {
    if (pump.epoll >= 0) close(pump.epoll);
    if (pump.wake >= 0) close(pump.wake);
    freeSendScratch(pump.sending);
  }
  delete io;
}

}  // namespace brunel
