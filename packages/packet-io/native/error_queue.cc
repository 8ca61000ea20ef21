// ICMP "too big" from the underlay, as the error queues of the sockets report it.
#include "packet_io.h"

#include <time.h>

#include <linux/errqueue.h>

#include <cerrno>

namespace brunel {
namespace {

/** The SPI in what the ICMP quotes after the headers; 0: too short a quote, IKE, or a keepalive. */
uint32_t quotedSpi(int socket, const uint8_t* quote, ssize_t n) {
  const int kind = socket >> 1;
  if (n < 4 || (kind != SOCKET_UDP4500 && kind != SOCKET_ESP)) return 0;
  return be32(quote);
}

const sock_extended_err* findError(msghdr& message) {
  for (cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
    if ((c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR) ||
        (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR))
      return reinterpret_cast<const sock_extended_err*>(CMSG_DATA(c));
  }
  return nullptr;
}

/** 1: an entry was read, 0: it was of no interest, -1: the queue is empty. */
int readOne(Io& io, int socket, TooBig& into) {
  alignas(cmsghdr) uint8_t control[512];
  uint8_t quote[64];
  iovec part = {quote, sizeof quote};
  msghdr message = {};
  message.msg_name = &into.remote.sa;
  message.msg_namelen = sizeof into.remote.v6;
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  memset(&into.remote, 0, sizeof into.remote);
  const ssize_t got = recvmsg(io.sockets[socket], &message, MSG_ERRQUEUE | MSG_DONTWAIT);
  if (got < 0) return -1;
  const sock_extended_err* error = findError(message);
  if (error == nullptr || error->ee_errno != EMSGSIZE || into.remote.sa.sa_family == AF_UNSPEC) return 0;
  into.socket = socket >> 1;
  into.mtu = error->ee_info;
  into.spi = quotedSpi(socket, quote, got);
  return 1;
}

}  // namespace

int readErrorQueues(Io& io, Pump& pump, TooBig* into, int room) {
  pump.errors = false;
  int n = 0;
  for (int socket = 0; socket < SOCKETS; socket++) {
    if (io.sockets[socket] < 0) continue;
    // Bounded: whoever can make ICMP errors must not hold the pump. What is left raises the next event.
    for (int i = 0; i < 64; i++) {
      if (n == room) {
        pump.errors = true;
        return n;
      }
      const int got = readOne(io, socket, into[n]);
      if (got < 0) break;
      n += got;
    }
  }
  return n;
}

}  // namespace brunel
