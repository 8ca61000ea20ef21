// TUN interfaces: multi-byte offloads towards us, not persistent, so that a crash leaves none behind.
#include "packet_io.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>

#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif

namespace brunel {
namespace {

/** Packets, each of up to 64 KiB. The kernel's 500 overflow when a burst of small packets meets a pump that waits. */
constexpr int QUEUE_LENGTH = 4000;

bool setOffloads(int fd, Tun& tun) {
  const unsigned base = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN;
  tun.uso = ioctl(fd, TUNSETOFFLOAD, base | TUN_F_USO4 | TUN_F_USO6) == 0;  // Linux 6.2
  return tun.uso || ioctl(fd, TUNSETOFFLOAD, base) == 0 || ioctl(fd, TUNSETOFFLOAD, TUN_F_CSUM) == 0 ||
         ioctl(fd, TUNSETOFFLOAD, 0) == 0;
}

void raiseQueue(const ifreq& made) {
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return;
  ifreq request = made;
  request.ifr_qlen = QUEUE_LENGTH;
  (void)!ioctl(fd, SIOCSIFTXQLEN, &request);  // a short queue costs packets in bursts, nothing else
  close(fd);
}

}  // namespace

int openTun(Io& io, const char* name, Refusal& why) {
  const auto refuse = [&](const char* call, int fd) {
    why = {call, errno, -1};
    if (fd >= 0) close(fd);
    return -1;
  };
  const int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return refuse("open", fd);
  ifreq request = {};
  strncpy(request.ifr_name, name, IFNAMSIZ - 1);
  // EXCL: never take over an interface that somebody else made.
  request.ifr_flags = static_cast<short>(IFF_TUN | IFF_NO_PI | IFF_VNET_HDR | IFF_TUN_EXCL);
  if (ioctl(fd, TUNSETIFF, &request) < 0) return refuse("TUNSETIFF", fd);
  int headerSize = sizeof(VnetHeader);
  if (ioctl(fd, TUNSETVNETHDRSZ, &headerSize) < 0) return refuse("TUNSETVNETHDRSZ", fd);
  Tun* tun = new Tun{fd, false};
  if (!setOffloads(fd, *tun)) {
    delete tun;
    return refuse("TUNSETOFFLOAD", fd);
  }
  raiseQueue(request);
  const int index = io.tuns.add(tun);
  epoll_event event = {};
  event.events = EPOLLIN | EPOLLET;
  event.data.u32 = static_cast<uint32_t>(index);
  if (index < 0) errno = ENOSPC;
  if (index < 0 || epoll_ctl(io.pumps[OUTBOUND].epoll, EPOLL_CTL_ADD, fd, &event) < 0) {
    io.tuns.exchange(index, nullptr);
    delete tun;
    return refuse("epoll_ctl", fd);
  }
  return index;
}

bool closeTun(Io& io, int index) {
  Tun* tun = io.tuns.exchange(index, nullptr);
  if (tun == nullptr) return false;
  settle(io);
  close(tun->fd);  // the interface goes with it, and its place in epoll
  delete tun;
  return true;
}

}  // namespace brunel
