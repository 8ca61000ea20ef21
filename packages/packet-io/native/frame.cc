// What main does now and then: no instance, no pump.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "packet_io.h"

namespace brunel {

int sendFrame(int interfaceIndex, const uint8_t* frame, size_t length) {
  if (length < ETHER_HDR_LEN) return EINVAL;
  // Protocol 0: it receives nothing, so that nothing heaps up before it is closed.
  const int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return errno;
  sockaddr_ll to = {};
  to.sll_family = AF_PACKET;
  to.sll_ifindex = interfaceIndex;
  to.sll_halen = ETH_ALEN;
  memcpy(to.sll_addr, frame, ETH_ALEN);
  memcpy(&to.sll_protocol, frame + 2 * ETH_ALEN, sizeof(to.sll_protocol));
  const ssize_t sent = sendto(fd, frame, length, 0, reinterpret_cast<const sockaddr*>(&to), sizeof(to));
  const int fault = sent < 0 ? errno : 0;
  close(fd);
  return fault;
}

int closeOnExec() {
  DIR* folder = opendir("/proc/self/fd");
  if (folder == nullptr) return errno;
  while (const dirent* entry = readdir(folder)) {
    const int fd = atoi(entry->d_name);
    if (fd > STDERR_FILENO) fcntl(fd, F_SETFD, FD_CLOEXEC);
  }
  closedir(folder);
  return 0;
}

}  // namespace brunel
