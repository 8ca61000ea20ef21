// Sends rows by their paths. Runs of equal length on one path leave as one UDP_SEGMENT message, and all messages of a
// batch for one socket in one sendmmsg. On a raw socket the control message would be silently ignored: one packet each.
#include "packet_io.h"

#include <linux/udp.h>
#include <poll.h>

#include <cerrno>

#ifndef SOL_UDP
#define SOL_UDP 17
#endif

namespace brunel {

constexpr int MAX_ROWS = 1024;
constexpr int MAX_SEGMENTS = 64;      // UDP_MAX_SEGMENTS of the kernel
constexpr int MAX_DATAGRAM = 65000;   // of all segments together
/** How long a full socket may hold the pump before packets are dropped. */
constexpr int PATIENCE_MS = 5;

struct Message {
  const Path* path;
  int fd, tos, segment, total, count;
  int firstRow, lastRow;
  bool closed;
};

struct SendScratch {
  Message messages[MAX_ROWS];
  int next[MAX_ROWS];              // next row of the same message
  mmsghdr headers[MAX_ROWS];
  iovec parts[MAX_ROWS];
  alignas(cmsghdr) uint8_t control[MAX_ROWS][128];
  // The open message of a path, good where the stamp is that of the batch.
  uint32_t stamp[MAX_PATHS] = {};
  int open[MAX_PATHS];
  uint32_t batch = 0;
};

SendScratch* newSendScratch() { return new SendScratch; }
void freeSendScratch(SendScratch* scratch) { delete scratch; }

namespace {

template <class T>
cmsghdr* put(cmsghdr* c, int level, int type, const T& value) {
  c->cmsg_level = level;
  c->cmsg_type = type;
  c->cmsg_len = CMSG_LEN(sizeof value);
  memcpy(CMSG_DATA(c), &value, sizeof value);
  return reinterpret_cast<cmsghdr*>(reinterpret_cast<uint8_t*>(c) + CMSG_SPACE(sizeof value));
}

/** Source address, TOS and segment size. */
void prepare(msghdr& h, const Path& path, int tos, int segment, uint8_t* control) {
  h.msg_name = const_cast<sockaddr*>(&path.remote.sa);
  h.msg_namelen = path.remote.length;
  h.msg_control = control;
  h.msg_flags = 0;
  cmsghdr* c = reinterpret_cast<cmsghdr*>(control);
  if (path.remote.sa.sa_family == AF_INET6) {
    if (path.local.sa.sa_family == AF_INET6 && !IN6_IS_ADDR_UNSPECIFIED(&path.local.v6.sin6_addr))
      c = put(c, IPPROTO_IPV6, IPV6_PKTINFO, in6_pktinfo{path.local.v6.sin6_addr, 0});
    if (tos > 0) c = put(c, IPPROTO_IPV6, IPV6_TCLASS, tos);
  } else {
    if (path.local.sa.sa_family == AF_INET && path.local.v4.sin_addr.s_addr != 0)
      c = put(c, IPPROTO_IP, IP_PKTINFO, in_pktinfo{0, path.local.v4.sin_addr, {}});
    if (tos > 0) c = put(c, IPPROTO_IP, IP_TOS, tos);
  }
  if (segment > 0) c = put(c, SOL_UDP, UDP_SEGMENT, static_cast<uint16_t>(segment));
  h.msg_controllen = static_cast<size_t>(reinterpret_cast<uint8_t*>(c) - control);
  if (h.msg_controllen == 0) h.msg_control = nullptr;
}

/** An ICMP error that came earlier shows as the errno of the next call; it says nothing of this packet. */
bool staleError(int error) {
  return error == ECONNREFUSED || error == EHOSTUNREACH || error == EPROTO || error == ENETUNREACH ||
         error == EMSGSIZE || error == ENOPROTOOPT || error == EACCES || error == EINTR || error == EOPNOTSUPP;
}

struct Sending {
  Io& io;
  Pump& pump;
  const Batch& batch;
  SendScratch& s;
  int messages = 0;

  bool append(Message& m, int row, int length, int tos) {
    if (m.closed || m.tos != tos || length > m.segment || m.count == MAX_SEGMENTS || m.total + length > MAX_DATAGRAM)
      return false;
    s.next[m.lastRow] = row;
    m.lastRow = row;
    m.count++;
    m.total += length;
    m.closed = length < m.segment;
    return true;
  }

  void group(int row) {
    int32_t* r = batch.row(row);
    const Path* path = batch.inside(r) && r[ROW_LENGTH] > 0 ? io.paths.get(r[ROW_PATH]) : nullptr;
    if (path == nullptr || path->fd < 0) {
      r[ROW_STATUS] = drops.underlaySend;
      return;
    }
    const int index = r[ROW_PATH], length = r[ROW_LENGTH], tos = r[ROW_TOS] & (MAY_FRAGMENT | 255);
    s.next[row] = -1;
    if (s.stamp[index] == s.batch && append(s.messages[s.open[index]], row, length, tos)) return;
    s.messages[messages] = {path, path->fd, tos, length, length, 1, row, row, !path->udp};
    s.stamp[index] = s.batch;
    s.open[index] = messages++;
  }

  void fill(int message, int at, int& part) {
    const Message& m = s.messages[message];
    msghdr& h = s.headers[at].msg_hdr;
    h.msg_iov = &s.parts[part];
    h.msg_iovlen = static_cast<size_t>(m.count);
    for (int row = m.firstRow; row >= 0; row = s.next[row])
      s.parts[part++] = {batch.bytes + batch.row(row)[ROW_OFFSET], static_cast<size_t>(batch.row(row)[ROW_LENGTH])};
    prepare(h, *m.path, m.tos & 255, m.count > 1 ? m.segment : 0, s.control[at]);
  }

  void refuse(const Message& m) {
    for (int row = m.firstRow; row >= 0; row = s.next[row]) batch.row(row)[ROW_STATUS] = drops.underlaySend;
  }

  /** A group was refused, perhaps only as a group (a segment over the link's MTU, no checksum offload): one by one. */
  void sendSingly(const Message& m) {
    for (int row = m.firstRow; row >= 0; row = s.next[row]) {
      int32_t* r = batch.row(row);
      alignas(cmsghdr) uint8_t control[128];
      iovec part = {batch.bytes + r[ROW_OFFSET], static_cast<size_t>(r[ROW_LENGTH])};
      msghdr h = {};
      prepare(h, *m.path, m.tos & 255, 0, control);
      h.msg_iov = &part;
      h.msg_iovlen = 1;
      ssize_t sent = sendmsg(m.fd, &h, 0);
      if (sent < 0 && staleError(errno)) sent = sendmsg(m.fd, &h, 0);
      if (sent < 0) r[ROW_STATUS] = drops.underlaySend;
    }
  }

  /** Messages [from, to) of one socket, with one DF. */
  void sendRun(int from, int to) {
    int part = 0;
    for (int i = from; i < to; i++) fill(i, i - from, part);
    int at = from;
    bool retried = false;
    while (at < to) {
      const int fd = s.messages[at].fd;
      const int sent = sendmmsg(fd, &s.headers[at - from], static_cast<unsigned>(to - at), 0);
      if (sent > 0) {
        at += sent;
        retried = false;
        continue;
      }
      if (!retried && (errno == EAGAIN || errno == ENOBUFS)) {
        pollfd wait = {fd, POLLOUT, 0};
        poll(&wait, 1, PATIENCE_MS);
        retried = true;
        continue;
      }
      if (!retried && staleError(errno)) {
        retried = true;
        continue;
      }
      if (s.messages[at].count > 1 && errno != EAGAIN && errno != ENOBUFS) sendSingly(s.messages[at]);
      else refuse(s.messages[at]);
      at++;
      retried = false;
    }
  }
};

}  // namespace

void sendRows(Io& io, Pump& pump, const Batch& batch, int n) {
  const Inside inside(pump);
  Sending sending{io, pump, batch, *pump.sending};
  sending.s.batch++;
  for (int i = 0; i < n && i < MAX_ROWS; i++)
    if (batch.row(i)[ROW_STATUS] == 0) sending.group(i);
  const auto alike = [&](const Message& a, const Message& b) {
    return a.fd == b.fd && ((a.tos ^ b.tos) & MAY_FRAGMENT) == 0;
  };
  const Message* messages = sending.s.messages;
  for (int from = 0, to; from < sending.messages; from = to) {
    for (to = from + 1; to < sending.messages && alike(messages[to], messages[from]);) to++;
    io.letFragment(messages[from].fd, (messages[from].tos & MAY_FRAGMENT) != 0);
    sending.sendRun(from, to);
  }
}

int sendOne(Io& io, const Path& path, const uint8_t* bytes, size_t n) {
  const int fd = io.socketFor(path);
  if (fd < 0) return EAFNOSUPPORT;
  alignas(cmsghdr) uint8_t control[128];
  iovec part = {const_cast<uint8_t*>(bytes), n};
  msghdr h = {};
  prepare(h, path, 0, 0, control);
  h.msg_iov = &part;
  h.msg_iovlen = 1;
  for (int tries = 0; tries < 3; tries++) {
    if (sendmsg(fd, &h, 0) >= 0) return 0;
    if (!staleError(errno)) break;
  }
  return errno;
}

}  // namespace brunel
