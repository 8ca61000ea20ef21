// Splits the super-packets that a TUN with offloads hands out: what a network card does for TSO and USO.
#include "packet_io.h"

namespace brunel {
namespace {

constexpr uint8_t FIN = 0x01, PSH = 0x08, CWR = 0x80;

}  // namespace

bool completeChecksum(const VnetHeader& h, uint8_t* packet, int length) {
  const int start = h.checksumStart, field = start + h.checksumOffset;
  if (start > length || field + 2 > length) return false;
  // The field holds the sum of the pseudo-header, so it is part of the sum.
  uint16_t sum = static_cast<uint16_t>(~fold(sumOf(packet + start, static_cast<size_t>(length - start))));
  // RFC 768: a UDP checksum that comes out as zero is sent as all ones. For TCP the two are the same number.
  if (sum == 0) sum = 0xffff;
  store16(packet + field, sum);
  return true;
}

bool Splitter::begin(const VnetHeader& h, uint8_t* bytes, int n) {
  const uint8_t type = h.gsoType & static_cast<uint8_t>(~GSO_ECN);
  packet = bytes;
  length = n;
  at = n;  // not active until all is checked
  index = 0;
  segment = h.gsoSize;
  transport = h.checksumStart;
  tcp = type == GSO_TCP4 || type == GSO_TCP6;
  if (!tcp && type != GSO_UDP_L4) return false;
  if (n < 20 || segment == 0) return false;
  v6 = bytes[0] >> 4 == 6;
  if (v6 ? transport < 40 : transport != (bytes[0] & 15) * 4 || transport < 20) return false;
  if (transport + (tcp ? 20 : 8) > n) return false;
  // The header length of the vnet header is only a hint; the packet itself tells.
  headers = transport + (tcp ? (bytes[transport + 12] >> 4) * 4 : 8);
  if (headers < transport + (tcp ? 20 : 8) || headers >= n) return false;
  at = headers;
  return true;
}

int Splitter::next(uint8_t* to) {
  const int payload = length - at < segment ? length - at : segment;
  const int total = headers + payload;
  const bool last = at + payload == length;
  memcpy(to, packet, static_cast<size_t>(headers));
  uint64_t sum = copyAndSum(to + headers, packet + at, static_cast<size_t>(payload));
  if (v6) {
    put16(to + 4, static_cast<unsigned>(total - 40));
  } else {
    put16(to + 2, static_cast<unsigned>(total));
    put16(to + 4, be16(packet + 4) + static_cast<unsigned>(index));
    setIpv4Checksum(to);
  }
  uint8_t* l4 = to + transport;
  uint8_t* field = l4 + (tcp ? 16 : 6);
  if (tcp) {
    put32(l4 + 4, be32(packet + transport + 4) + static_cast<uint32_t>(at - headers));
    if (!last) l4[13] &= static_cast<uint8_t>(~(FIN | PSH));
    if (index > 0) l4[13] &= static_cast<uint8_t>(~CWR);
  } else {
    put16(l4 + 4, static_cast<unsigned>(total - transport));
  }
  store16(field, 0);
  sum += sumOf(l4, static_cast<size_t>(headers - transport));
  sum += pseudoHeaderSum(to, tcp ? IPPROTO_TCP : IPPROTO_UDP, total - transport);
  const uint16_t checksum = static_cast<uint16_t>(~fold(sum));
  store16(field, !tcp && checksum == 0 ? 0xffff : checksum);
  at += payload;
  index += 1;
  return total;
}

}  // namespace brunel
