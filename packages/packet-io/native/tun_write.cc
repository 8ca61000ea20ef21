#include "packet_io.h"

#include <sys/uio.h>

#include <cerrno>

namespace brunel {
namespace {

void flush(Io& io, const Batch& batch, Group& g) {
  uint8_t* first = batch.bytes + batch.row(g.rows[0])[ROW_OFFSET];
  VnetHeader header = finishGroup(g, first);
  iovec parts[MAX_GROUP + 2];
  parts[0] = {&header, sizeof header};
  parts[1] = {first, static_cast<size_t>(batch.row(g.rows[0])[ROW_LENGTH])};
  for (int i = 1; i < g.count; i++) {
    const int32_t* r = batch.row(g.rows[i]);
    parts[i + 1] = {batch.bytes + r[ROW_OFFSET] + g.headers, static_cast<size_t>(r[ROW_LENGTH] - g.headers)};
  }
  const Tun* tun = io.tuns.get(g.tun);
  ssize_t wrote = -1;
  if (tun != nullptr) {
    do wrote = writev(tun->fd, parts, g.count + 1);
    while (wrote < 0 && errno == EINTR);
  }
  if (wrote >= 0) return;
  for (int i = 0; i < g.count; i++) batch.row(g.rows[i])[ROW_STATUS] = drops.tunnelWrite;
}

Group* findFlow(const Batch& batch, Coalescer& c, const uint8_t* packet, const Candidate& candidate, int tun) {
  for (int i = 0; i < c.count; i++) {
    Group& g = c.groups[i];
    if (g.tun == tun && sameFlow(batch.bytes + batch.row(g.rows[0])[ROW_OFFSET], packet, candidate)) return &g;
  }
  return nullptr;
}

/** A packet that joins nothing closes the group of its own flow, so that order within a flow is kept. */
void place(Io& io, const Batch& batch, Coalescer& c, int row) {
  int32_t* r = batch.row(row);
  const Tun* tun = io.tuns.get(r[ROW_TUN]);
  if (tun == nullptr) {
    r[ROW_STATUS] = drops.tunnelWrite;
    return;
  }
  const uint8_t* packet = batch.bytes + r[ROW_OFFSET];
  const Candidate candidate = classify(packet, r[ROW_LENGTH], tun->uso);
  Group alone;
  if (!candidate.flow) {
    openGroup(alone, packet, candidate, r[ROW_TUN], row, r[ROW_LENGTH]);
    flush(io, batch, alone);
    return;
  }
  Group* g = findFlow(batch, c, packet, candidate, r[ROW_TUN]);
  if (g != nullptr) {
    const uint8_t* first = batch.bytes + batch.row(g->rows[0])[ROW_OFFSET];
    if (join(*g, first, packet, candidate, row)) return;
    flush(io, batch, *g);
  } else if (c.count < MAX_GROUPS) {
    g = &c.groups[c.count++];
  } else {
    g = &c.groups[MAX_GROUPS - 1];
    flush(io, batch, *g);
  }
  openGroup(*g, packet, candidate, r[ROW_TUN], row, r[ROW_LENGTH]);
}

}  // namespace

void tunWrite(Io& io, Pump& pump, const Batch& batch, int n) {
  const Inside inside(pump);
  Coalescer& c = pump.coalescer;
  c.count = 0;
  for (int i = 0; i < n; i++) {
    int32_t* r = batch.row(i);
    if (r[ROW_STATUS] != 0) continue;
    if (!batch.inside(r) || r[ROW_LENGTH] < 20) {
      r[ROW_STATUS] = drops.tunnelWrite;
      continue;
    }
    place(io, batch, c, i);
  }
  for (int i = 0; i < c.count; i++) flush(io, batch, c.groups[i]);
}

}  // namespace brunel
