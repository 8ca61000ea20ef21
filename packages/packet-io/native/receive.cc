// Receives into the batch: UDP with GRO, one buffer for each system call; raw IP by recvmmsg, many small ones.
#include "packet_io.h"

#include <linux/udp.h>

#include <cerrno>

#ifndef SOL_UDP
#define SOL_UDP 17
#endif

namespace brunel {
namespace {

constexpr int RAW_MESSAGES = 32;
/** Larger raw packets are dropped: no link of ours has such frames. */
constexpr int RAW_ROOM = 16384;
/** A GRO buffer holds no more segments than this. */
constexpr int GRO_SEGMENTS = 128;

struct Ancillary {
  int segment = 0, tos = 0;
  in_addr to4 = {};
  in6_addr to6 = {};
};

Ancillary readAncillary(msghdr& message) {
  Ancillary a;
  for (cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
    const uint8_t* data = CMSG_DATA(c);
    if (c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_GRO) {
      memcpy(&a.segment, data, sizeof a.segment);
    } else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TOS) {
      a.tos = data[0];
    } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_TCLASS) {
      memcpy(&a.tos, data, sizeof a.tos);
    } else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
      in_pktinfo info;
      memcpy(&info, data, sizeof info);
      a.to4 = info.ipi_addr;
    } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
      in6_pktinfo info;
      memcpy(&info, data, sizeof info);
      a.to6 = info.ipi6_addr;
    }
  }
  return a;
}

uint32_t fnv1a(uint32_t hash, const uint8_t* bytes, size_t n) {
  for (size_t i = 0; i < n; i++) hash = (hash ^ bytes[i]) * 0x01000193u;
  return hash;
}

struct Receiving {
  Io& io;
  Pump& pump;
  const Batch& batch;
  BufferShape shape;
  size_t at = 0;  // next free octet of the memory
  int n = 0, messages = 0;

  size_t left() const { return batch.size > at ? batch.size - at : 0; }

  /** Writes the address row of a message and the source's hash; family, address, port as they lie on the wire. */
  uint32_t pushAddress(int socket, const Address& from, const Ancillary& a) {
    uint8_t* row = batch.addresses + static_cast<size_t>(messages) * ADDRESS_ROW;
    memset(row, 0, ADDRESS_ROW);
    const bool v6 = (socket & 1) != 0;
    const bool udp = socket >> 1 <= SOCKET_UDP4500;
    row[0] = v6 ? 6 : 4;
    if (v6) {
      memcpy(row + 4, &from.v6.sin6_addr, 16);
      memcpy(row + 20, &a.to6, 16);
    } else {
      memcpy(row + 4, &from.v4.sin_addr, 4);
      memcpy(row + 20, &a.to4, 4);
    }
    if (udp) {
      memcpy(row + 2, v6 ? &from.v6.sin6_port : &from.v4.sin_port, 2);
      put16(row + 36, static_cast<unsigned>(io.ports[socket >> 1]));
    }
    const uint32_t hash = fnv1a(fnv1a(0x811c9dc5u, row, 1), row + 4, v6 ? 16 : 4);
    return fnv1a(hash, row + 2, 2);
  }

  void pushRows(int socket, size_t offset, int length, const Address& from, const Ancillary& a) {
    const uint32_t hash = pushAddress(socket, from, a);
    const int segment = a.segment > 0 ? a.segment : length;
    for (int done = 0; done < length && n < batch.capacity; done += segment) {
      int32_t* r = batch.row(n++);
      memset(r, 0, ROW_FIELDS * sizeof(int32_t));
      r[ROW_OFFSET] = static_cast<int32_t>(offset) + done;
      r[ROW_LENGTH] = length - done < segment ? length - done : segment;
      r[ROW_SA] = r[ROW_TUN] = -1;
      r[ROW_PATH] = socket >> 1;
      r[ROW_TOS] = a.tos;
      r[ROW_FROM] = messages;
      r[ROW_FROM_HASH] = static_cast<int32_t>(hash);
    }
    messages++;
  }

  bool hasRoom() const {
    return (n == 0 || n + GRO_SEGMENTS <= batch.capacity) && messages < batch.addressRows &&
           left() >= static_cast<size_t>(shape.length);
  }

  /** False: this socket has no more. Datagrams lie one behind the other, each with 64 KiB before it was known. */
  bool readUdp(int socket) {
    alignas(cmsghdr) uint8_t control[160];
    Address from;
    const size_t start = at + static_cast<size_t>(shape.headroom);
    iovec part = {batch.bytes + start, static_cast<size_t>(shape.length - shape.headroom)};
    msghdr message = {};
    message.msg_name = &from.sa;
    message.msg_namelen = sizeof from.v6;
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    const ssize_t got = recvmsg(io.sockets[socket], &message, 0);
    if (got < 0) return again();
    if ((message.msg_flags & MSG_TRUNC) != 0 || got == 0) return true;
    pushRows(socket, start, static_cast<int>(got), from, readAncillary(message));
    at = (start + static_cast<size_t>(got) + 63) & ~static_cast<size_t>(63);
    return true;
  }

  /** An ICMP error shows once as an errno of the socket; its details wait in the error queue. */
  bool again() {
    if (errno == EAGAIN) return false;
    if (errno != EINTR) pump.errors = true;
    return true;
  }

  bool readRaw(int socket, int target) {
    mmsghdr list[RAW_MESSAGES];
    iovec parts[RAW_MESSAGES];
    Address from[RAW_MESSAGES];
    alignas(cmsghdr) uint8_t control[RAW_MESSAGES][160];
    const size_t start = at;
    int count = static_cast<int>(left() / RAW_ROOM);
    if (count > RAW_MESSAGES) count = RAW_MESSAGES;
    if (count > target - n) count = target - n;
    if (count > batch.addressRows - messages) count = batch.addressRows - messages;
    if (count <= 0) return true;
    for (int i = 0; i < count; i++) {
      const size_t offset = start + static_cast<size_t>(i) * RAW_ROOM + static_cast<size_t>(shape.headroom);
      parts[i] = {batch.bytes + offset, static_cast<size_t>(RAW_ROOM - shape.headroom)};
      list[i].msg_hdr = {&from[i].sa, sizeof from[i].v6, &parts[i], 1, control[i], sizeof control[i], 0};
    }
    const int got = recvmmsg(io.sockets[socket], list, static_cast<unsigned>(count), 0, nullptr);
    if (got < 0) return again();
    for (int i = 0; i < got; i++) pushRaw(socket, list[i], from[i]);
    at = start + static_cast<size_t>(got) * RAW_ROOM;
    return got == count;
  }

  /** A raw IPv4 socket delivers the IP header too, an IPv6 one does not. */
  void pushRaw(int socket, mmsghdr& m, const Address& from) {
    const uint8_t* bytes = static_cast<const uint8_t*>(m.msg_hdr.msg_iov->iov_base);
    const int length = static_cast<int>(m.msg_len);
    if ((m.msg_hdr.msg_flags & MSG_TRUNC) != 0) return;
    const int header = (socket & 1) != 0 ? 0 : length < 20 ? length : (bytes[0] & 15) * 4;
    if (length <= header) return;
    pushRows(socket, static_cast<size_t>(bytes - batch.bytes) + static_cast<size_t>(header), length - header, from,
             readAncillary(m.msg_hdr));
  }

  void readReady(int target) {
    const Inside inside(pump);
    // Bounded: a socket that only reports errors must not hold the pump.
    for (int tries = 0; tries < 512 && pump.queued > 0 && n < target; tries++) {
      const uint16_t socket = pump.takeReady();
      const bool udp = socket >> 1 <= SOCKET_UDP4500;
      const bool more = !hasRoom() || (udp ? readUdp(socket) : readRaw(socket, target));
      if (more) pump.markReady(socket);
      if (!hasRoom()) return;
    }
  }
};

}  // namespace

int receive(Io& io, Pump& pump, const Batch& batch, BufferShape shape, int target, int timeout) {
  Receiving r{io, pump, batch, shape};
  if (target > batch.capacity) target = batch.capacity;
  if (++pump.turns % LOOK_ROUND_EVERY == 0) waitFor(io, pump, 0);
  r.readReady(target);
  if (r.n == 0 && timeout != 0 && pump.queued == 0) {
    waitFor(io, pump, timeout);
    r.readReady(target);
  }
  return r.n | (pump.errors ? NEWS_ERRORS : 0);
}

}  // namespace brunel
