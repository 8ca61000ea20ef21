// The internet checksum, RFC 1071. Its sum does not depend on the byte order, so words are added as they lie.
#include "packet_io.h"

#if defined(__x86_64__)
#define WIDE __attribute__((target("avx2")))
#endif

namespace brunel {
namespace {

/** Adds 32-bit words into 64 bits: no carry is lost below 2^32 words. The compiler makes vectors of it. */
template <bool COPY>
__attribute__((always_inline)) inline uint64_t run(uint8_t* to, const uint8_t* from, size_t n) {
  uint64_t low = 0, high = 0;
  size_t i = 0;
  for (; i + 8 <= n; i += 8) {
    uint64_t word;
    memcpy(&word, from + i, 8);
    if (COPY) memcpy(to + i, &word, 8);
    low += word & 0xffffffffu;
    high += word >> 32;
  }
  uint64_t sum = low + high;
  if (i + 4 <= n) {
    uint32_t word;
    memcpy(&word, from + i, 4);
    if (COPY) memcpy(to + i, &word, 4);
    sum += word;
    i += 4;
  }
  if (i + 2 <= n) {
    uint16_t word;
    memcpy(&word, from + i, 2);
    if (COPY) memcpy(to + i, &word, 2);
    sum += word;
    i += 2;
  }
  if (i < n) {
    if (COPY) to[i] = from[i];
    const uint8_t last[2] = {from[i], 0};
    sum += load16(last);
  }
  return sum;
}

uint64_t sumPlain(const uint8_t* from, size_t n) { return run<false>(nullptr, from, n); }
uint64_t copyPlain(uint8_t* to, const uint8_t* from, size_t n) { return run<true>(to, from, n); }

#ifdef WIDE
WIDE uint64_t sumWide(const uint8_t* from, size_t n) { return run<false>(nullptr, from, n); }
WIDE uint64_t copyWide(uint8_t* __restrict to, const uint8_t* __restrict from, size_t n) {
  return run<true>(to, from, n);
}
const bool wide = __builtin_cpu_supports("avx2");
#else
constexpr bool wide = false;
const auto sumWide = sumPlain;
const auto copyWide = copyPlain;
#endif

}  // namespace

uint64_t sumOf(const uint8_t* from, size_t n) { return wide ? sumWide(from, n) : sumPlain(from, n); }

uint64_t copyAndSum(uint8_t* to, const uint8_t* from, size_t n) {
  return wide ? copyWide(to, from, n) : copyPlain(to, from, n);
}

uint16_t fold(uint64_t sum) {
  sum = (sum & 0xffffffffu) + (sum >> 32);
  sum = (sum & 0xffffu) + (sum >> 16);
  sum = (sum & 0xffffu) + (sum >> 16);
  sum = (sum & 0xffffu) + (sum >> 16);
  return static_cast<uint16_t>(sum);
}

uint64_t pseudoHeaderSum(const uint8_t* ip, int protocol, int length) {
  const bool v6 = ip[0] >> 4 == 6;
  const uint64_t addresses = v6 ? sumPlain(ip + 8, 32) : sumPlain(ip + 12, 8);
  return addresses + swap16(static_cast<uint16_t>(protocol)) + swap16(static_cast<uint16_t>(length)) +
         swap16(static_cast<uint16_t>(length >> 16));
}

void setIpv4Checksum(uint8_t* ip) {
  store16(ip + 10, 0);
  store16(ip + 10, static_cast<uint16_t>(~fold(sumPlain(ip, (ip[0] & 15) * 4))));
}

}  // namespace brunel
