// One Ethernet frame by one interface, now and then: no instance, no pump.
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <sys/socket.h>
#include <unistd.h>

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

}  // namespace brunel
