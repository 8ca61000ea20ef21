#include "packet_io.h"

#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>

namespace brunel {
namespace {

struct Reading {
  Pump& pump;
  const Batch& batch;
  SlotShape shape;
  int capacity, room;
  int n = 0;

  uint8_t* slot() const {
    return batch.bytes + static_cast<size_t>(n) * static_cast<size_t>(shape.slot) + shape.headroom;
  }
  void push(int tun, int length, int status) {
    int32_t* r = batch.row(n);
    memset(r, 0, ROW_FIELDS * sizeof(int32_t));
    r[ROW_OFFSET] = n * shape.slot + shape.headroom;
    r[ROW_LENGTH] = length;
    r[ROW_STATUS] = status;
    r[ROW_SA] = r[ROW_PATH] = -1;
    r[ROW_TUN] = tun;
    n++;
  }
  void pour() {
    Splitter& s = pump.splitter;
    while (s.active() && n < capacity) {
      if (s.nextLength() > room) {
        s.at = s.length;  // segments of one super-packet are equal: none of the others would fit either
        push(s.tun, 0, drops.underlayRoom);
        return;
      }
      push(s.tun, s.next(slot()), 0);
    }
  }
  /** False: this TUN has no more. Small packets land in their slot at once, super-packets in the scratch behind it. */
  bool readOne(int index, int fd) {
    VnetHeader header;
    uint8_t* scratch = pump.superPacket.data();
    iovec parts[3] = {{&header, sizeof header},
                      {slot(), static_cast<size_t>(room)},
                      {scratch + room, pump.superPacket.size() - static_cast<size_t>(room)}};
    const ssize_t got = readv(fd, parts, 3);
    if (got < static_cast<ssize_t>(sizeof header)) return got >= 0 || errno == EINTR;
    const int length = static_cast<int>(got) - static_cast<int>(sizeof header);
    if (header.gsoType == GSO_NONE && length <= room) {
      const bool good = (header.flags & VNET_NEEDS_CSUM) == 0 || completeChecksum(header, slot(), length);
      push(index, length, good ? 0 : drops.truncated);
      return true;
    }
    if (header.gsoType == GSO_NONE) {
      push(index, 0, drops.underlayRoom);
      return true;
    }
    memcpy(scratch, slot(), static_cast<size_t>(length < room ? length : room));
    pump.splitter.tun = index;
    if (!pump.splitter.begin(header, scratch, length)) push(index, 0, drops.truncated);
    pour();
    return true;
  }
};

void readReady(Io& io, Pump& pump, Reading& reading, int target) {
  const Inside inside(pump);
  reading.pour();
  while (pump.queued > 0 && reading.n < target) {
    const uint16_t index = pump.takeReady();
    const Tun* tun = io.tuns.get(index);
    if (tun != nullptr && reading.readOne(index, tun->fd)) pump.markReady(index);
  }
}

}  // namespace

int tunRead(Io& io, Pump& pump, const Batch& batch, SlotShape shape, int target, int timeout) {
  const int slots = static_cast<int>(batch.size / static_cast<size_t>(shape.slot));
  Reading reading{pump, batch, shape, slots < batch.capacity ? slots : batch.capacity, shape.slot - shape.headroom};
  if (target > reading.capacity) target = reading.capacity;
  if (++pump.turns % LOOK_ROUND_EVERY == 0) waitFor(io, pump, 0);
  readReady(io, pump, reading, target);
  if (reading.n > 0 || timeout == 0) return reading.n;
  waitFor(io, pump, timeout);
  readReady(io, pump, reading, target);
  return reading.n;
}

}  // namespace brunel
