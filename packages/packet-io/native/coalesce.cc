// Joins consecutive segments of a flow into a super-packet for a TUN: what a network card does for GRO.
// The kernel does not look at the checksums of what comes with NEEDS_CSUM, so every packet is verified first;
// otherwise joining would heal what was damaged before it came to us.
#include "packet_io.h"

namespace brunel {
namespace {

constexpr uint8_t PSH = 0x08, ACK = 0x10, ECE = 0x40;
constexpr int MAX_SUPER_PACKET = 65535;
constexpr unsigned DONT_FRAGMENT = 0x4000;

bool checksumHolds(const uint8_t* packet, int length, const Candidate& c, int protocol) {
  const int l4 = length - c.transport;
  const uint64_t sum = sumOf(packet + c.transport, static_cast<size_t>(l4));
  return fold(sum + pseudoHeaderSum(packet, protocol, l4)) == 0xffff;
}

/** Sets transport and protocol where the packet is whole, plain, unfragmented and no longer than it says. */
int transportProtocol(const uint8_t* packet, int length, Candidate& c) {
  if (length < 28) return -1;
  c.v6 = packet[0] >> 4 == 6;
  if (c.v6) {
    if (length < 48 || be16(packet + 4) + 40 != length) return -1;
    c.transport = 40;
    return packet[6];
  }
  // Options: no hosts send them on data, and which of them go on every fragment is not ours to know.
  if (packet[0] != 0x45 || be16(packet + 2) != length) return -1;
  if ((be16(packet + 6) & ~DONT_FRAGMENT) != 0) return -1;
  c.transport = 20;
  return packet[9];
}

}  // namespace

Candidate classify(const uint8_t* packet, int length, bool udp) {
  Candidate c;
  const int protocol = transportProtocol(packet, length, c);
  if (protocol != IPPROTO_TCP && protocol != IPPROTO_UDP) return c;
  const uint8_t* l4 = packet + c.transport;
  const bool tcp = protocol == IPPROTO_TCP;
  if (length < c.transport + (tcp ? 20 : 8)) return c;
  c.flow = true;
  c.headers = c.transport + (tcp ? (l4[12] >> 4) * 4 : 8);
  c.payload = length - c.headers;
  if (c.headers < c.transport + (tcp ? 20 : 8) || c.payload <= 0) return c;
  // CWR must not be repeated by a later split, URG points into one segment; SYN, FIN and RST stand alone.
  if (tcp && (l4[13] & ~(PSH | ECE)) != ACK) return c;
  if (!tcp && (!udp || be16(l4 + 4) != length - c.transport || load16(l4 + 6) == 0)) return c;
  if (!c.v6 && fold(sumOf(packet, 20)) != 0xffff) return c;
  if (!checksumHolds(packet, length, c, protocol)) return c;
  c.kind = tcp ? (c.v6 ? GSO_TCP6 : GSO_TCP4) : GSO_UDP_L4;
  return c;
}

bool sameFlow(const uint8_t* a, const uint8_t* b, const Candidate& c) {
  if (a[0] >> 4 != b[0] >> 4) return false;
  if (c.v6) return a[6] == b[6] && memcmp(a + 8, b + 8, 36) == 0;
  return a[9] == b[9] && memcmp(a + 12, b + 12, 8) == 0 && load32(a + (a[0] & 15) * 4) == load32(b + 20);
}

void openGroup(Group& g, const uint8_t* packet, const Candidate& c, int tun, int row, int length) {
  const uint8_t* l4 = packet + c.transport;
  g.tun = tun;
  g.count = 1;
  g.rows[0] = row;
  g.kind = c.kind;
  g.v6 = c.v6;
  g.transport = c.transport;
  g.headers = c.headers;
  g.segment = c.payload;
  g.total = length;
  g.pushed = c.kind != GSO_UDP_L4 && c.kind != GSO_NONE && (l4[13] & PSH) != 0;
  g.closed = c.kind == GSO_NONE || g.pushed;
  if (c.kind == GSO_NONE) return;
  g.nextSequence = c.kind == GSO_UDP_L4 ? 0 : be32(l4 + 4) + static_cast<uint32_t>(c.payload);
  g.nextId = c.v6 ? 0 : static_cast<uint16_t>(be16(packet + 4) + 1);
}

bool join(Group& g, const uint8_t* first, const uint8_t* packet, const Candidate& c, int row) {
  if (g.closed || c.kind != g.kind || c.headers != g.headers || g.count == MAX_GROUP) return false;
  if (c.payload > g.segment || g.total + c.payload > MAX_SUPER_PACKET) return false;
  if (c.v6) {
    // Version, traffic class and flow label; next header and hop limit.
    if (load32(first) != load32(packet) || load16(first + 6) != load16(packet + 6)) return false;
  } else {
    // Version, header length and TOS; DF, TTL and protocol.
    if (load16(first) != load16(packet) || load32(first + 6) != load32(packet + 6)) return false;
    // RFC 6864 §4.1: the identification of an atomic datagram means nothing; of any other it must survive.
    if ((be16(packet + 6) & DONT_FRAGMENT) == 0 && be16(packet + 4) != g.nextId) return false;
  }
  const uint8_t* a = first + c.transport;
  const uint8_t* b = packet + c.transport;
  if (c.kind != GSO_UDP_L4) {
    if (be32(b + 4) != g.nextSequence || load32(a + 8) != load32(b + 8)) return false;  // sequence, acknowledgement
    if (a[12] != b[12] || ((a[13] ^ b[13]) & ~PSH) != 0 || load16(a + 14) != load16(b + 14)) return false;
    if (memcmp(a + 20, b + 20, static_cast<size_t>(c.headers - c.transport - 20)) != 0) return false;
    g.nextSequence += static_cast<uint32_t>(c.payload);
    g.pushed = (b[13] & PSH) != 0;
  }
  g.rows[g.count++] = row;
  g.total += c.payload;
  g.nextId += 1;
  g.closed = g.pushed || c.payload < g.segment;
  return true;
}

VnetHeader finishGroup(const Group& g, uint8_t* first) {
  VnetHeader h = {};
  if (g.count == 1) return h;
  const bool tcp = g.kind != GSO_UDP_L4;
  uint8_t* l4 = first + g.transport;
  if (g.v6) {
    put16(first + 4, static_cast<unsigned>(g.total - 40));
  } else {
    put16(first + 2, static_cast<unsigned>(g.total));
    setIpv4Checksum(first);
  }
  const int length = g.total - g.transport;
  if (tcp && g.pushed) l4[13] |= PSH;
  if (!tcp) put16(l4 + 4, static_cast<unsigned>(length));
  store16(l4 + (tcp ? 16 : 6), fold(pseudoHeaderSum(first, tcp ? IPPROTO_TCP : IPPROTO_UDP, length)));
  h.flags = VNET_NEEDS_CSUM;
  h.gsoType = g.kind;
  h.headerLength = static_cast<uint16_t>(g.headers);
  h.gsoSize = static_cast<uint16_t>(g.segment);
  h.checksumStart = static_cast<uint16_t>(g.transport);
  h.checksumOffset = tcp ? 16 : 6;
  return h;
}

}  // namespace brunel
