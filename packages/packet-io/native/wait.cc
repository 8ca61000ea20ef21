// One epoll a pump, edge-triggered, and a ring of the sources that are worth a system call: a packet costs the same
// with one tunnel and with a thousand, and a busy source is read without asking epoll first.
#include "packet_io.h"

#include <sched.h>
#include <sys/epoll.h>
#include <unistd.h>

namespace brunel {

void Pump::markReady(uint16_t source) {
  if (source >= isReady.size() || isReady[source]) return;
  isReady[source] = 1;
  ready[(head + queued++) % ready.size()] = source;
}

uint16_t Pump::takeReady() {
  const uint16_t source = ready[head];
  head = (head + 1) % ready.size();
  queued--;
  isReady[source] = 0;
  return source;
}

bool waitFor(Io&, Pump& pump, int timeout) {
  epoll_event events[64];
  const int n = epoll_wait(pump.epoll, events, 64, timeout);
  bool woken = false;
  for (int i = 0; i < n; i++) {
    if (events[i].data.u32 == WAKE_SOURCE) {
      uint64_t count;
      woken = read(pump.wake, &count, sizeof count) > 0 || woken;
      continue;
    }
    if (events[i].events & EPOLLERR) pump.errors = true;
    if (events[i].events & (EPOLLIN | EPOLLERR)) pump.markReady(static_cast<uint16_t>(events[i].data.u32));
  }
  return woken;
}

void settle(Io& io) {
  for (Pump& pump : io.pumps) {
    const uint32_t seen = pump.section.load(std::memory_order_seq_cst);
    if ((seen & 1) == 0) continue;
    while (pump.section.load(std::memory_order_seq_cst) == seen) sched_yield();
  }
}

}  // namespace brunel
