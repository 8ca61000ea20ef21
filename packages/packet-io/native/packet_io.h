// The addon moves and seals batches. It knows of protocols only what an offload needs; see ../README.md.
//
// Threads: the main thread opens and closes things, two pump threads move packets. Tables are read without a lock;
// what is taken out of a table is freed only after no pump can still hold it (see Inside and settle).
#pragma once

#include <sys/socket.h>
#include <netinet/in.h>
#include <sys/uio.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <mutex>
#include <vector>

namespace brunel {

// ---- a batch, as packages/datapath/src/batch.ts lays it out ----

enum : int {
  ROW_OFFSET, ROW_LENGTH, ROW_STATUS, ROW_SA, ROW_TUN, ROW_PATH, ROW_TOS, ROW_SEQ_HIGH, ROW_FROM, ROW_FROM_HASH,
  ROW_FIELDS = 12,
};
constexpr int ADDRESS_ROW = 40;
constexpr int STATUS_INTEGRITY = -1;
/** In ROW_TOS when sending: the packet may be fragmented on the underlay, RFC 4301 §8.1. */
constexpr int MAY_FRAGMENT = 0x100;

struct Batch {
  uint8_t* bytes = nullptr;
  size_t size = 0;
  int32_t* rows = nullptr;
  int capacity = 0;
  uint8_t* addresses = nullptr;
  int addressRows = 0;

  int32_t* row(int i) const { return rows + static_cast<size_t>(i) * ROW_FIELDS; }
  /** Rows come from JavaScript: nothing outside the memory is ever touched, whatever they say. */
  bool inside(const int32_t* r) const {
    return r[ROW_OFFSET] >= 0 && r[ROW_LENGTH] >= 0 &&
           static_cast<size_t>(r[ROW_OFFSET]) + static_cast<size_t>(r[ROW_LENGTH]) <= size;
  }
};

/** Row statuses of the drops the addon itself decides: 1 + dropIndex, set once by the wrapper. */
struct DropStatus {
  int tunnelWrite = 1, underlaySend = 1, underlayRoom = 1, truncated = 1;
};
extern DropStatus drops;

// ---- checksum.cc: RFC 1071, sums in the byte order of the machine ----

uint64_t sumOf(const uint8_t* from, size_t n);
uint64_t copyAndSum(uint8_t* to, const uint8_t* from, size_t n);
uint16_t fold(uint64_t sum);
inline uint16_t swap16(uint16_t v) { return __builtin_bswap16(v); }
inline uint16_t load16(const uint8_t* p) { uint16_t v; memcpy(&v, p, 2); return v; }
inline uint32_t load32(const uint8_t* p) { uint32_t v; memcpy(&v, p, 4); return v; }
inline void store16(uint8_t* p, uint16_t v) { memcpy(p, &v, 2); }
inline uint16_t be16(const uint8_t* p) { return static_cast<uint16_t>(p[0] << 8 | p[1]); }
inline uint32_t be32(const uint8_t* p) { return __builtin_bswap32(load32(p)); }
inline void put16(uint8_t* p, unsigned v) { p[0] = static_cast<uint8_t>(v >> 8); p[1] = static_cast<uint8_t>(v); }
inline void put32(uint8_t* p, uint32_t v) { v = __builtin_bswap32(v); memcpy(p, &v, 4); }
/** Addresses, protocol and length of the transport pseudo-header of an IPv4 or IPv6 packet. */
uint64_t pseudoHeaderSum(const uint8_t* ip, int protocol, int length);
void setIpv4Checksum(uint8_t* ip);

// ---- split.cc, coalesce.cc: pure on buffers ----

/** struct virtio_net_hdr; <linux/virtio_net.h> has a member called `class`. */
struct VnetHeader {
  uint8_t flags, gsoType;
  uint16_t headerLength, gsoSize, checksumStart, checksumOffset;
};
static_assert(sizeof(VnetHeader) == 10);
enum : uint8_t { VNET_NEEDS_CSUM = 1, GSO_NONE = 0, GSO_TCP4 = 1, GSO_TCP6 = 4, GSO_UDP_L4 = 5, GSO_ECN = 0x80 };

constexpr int MAX_IP_PACKET = 65535 + 40;

/** A super-packet on its way into slots; resumable, because it may hold more segments than a batch has rows. */
struct Splitter {
  uint8_t* packet = nullptr;
  int length = 0, transport = 0, headers = 0, segment = 0, at = 0, index = 0, tun = -1;
  bool tcp = false, v6 = false;

  bool active() const { return at < length; }
  /** False: the header makes no sense. A packet without GSO is not for here. */
  bool begin(const VnetHeader& h, uint8_t* bytes, int n);
  int nextLength() const { return headers + (length - at < segment ? length - at : segment); }
  /** Writes the next segment, whole and with good checksums; the caller has checked nextLength(). */
  int next(uint8_t* to);
};

/** Completes the checksum that the kernel left open. False: it would lie outside the packet. */
bool completeChecksum(const VnetHeader& h, uint8_t* packet, int length);

constexpr int MAX_GROUP = 64;
constexpr int MAX_GROUPS = 16;

/** Rows that go to a TUN as one super-packet: headers of the first, payloads of all. */
struct Group {
  int tun, count, headers, transport, segment, total;
  uint32_t nextSequence;
  uint16_t nextId;
  uint8_t kind;  // GSO_NONE: not to be joined
  bool closed, v6, pushed;
  int rows[MAX_GROUP];
};

struct Coalescer {
  Group groups[MAX_GROUPS];
  int count = 0;
};

/** What a packet is to coalescing. kind GSO_NONE: written as it is. `flow`: it has ports, order within them matters. */
struct Candidate {
  uint8_t kind = GSO_NONE;
  bool v6 = false, flow = false;
  int transport = 0, headers = 0, payload = 0;
};
Candidate classify(const uint8_t* packet, int length, bool udp);
/** Same addresses, ports and protocol. */
bool sameFlow(const uint8_t* a, const uint8_t* b, const Candidate& c);
/** Extends the group by the packet, or false. `first` is the packet that opened the group. */
bool join(Group& g, const uint8_t* first, const uint8_t* packet, const Candidate& c, int row);
void openGroup(Group& g, const uint8_t* packet, const Candidate& c, int tun, int row, int length);
/** Rewrites the headers of the first packet for the whole group and fills in the vnet header. */
VnetHeader finishGroup(const Group& g, uint8_t* first);

// ---- aead.cc ----

enum : int { CIPHER_GCM, CIPHER_CHACHA, CIPHER_CBC };
enum : int { MAC_NONE, MAC_SHA256, MAC_SHA384, MAC_SHA512 };

struct Sa;
Sa* newSa(int cipher, const uint8_t* key, size_t keyLength, int mac, const uint8_t* macKey, size_t macKeyLength,
          int icvLength, bool esn, bool implicitIv);
/** Wipes the keys. */
void freeSa(Sa* sa);
bool sealPacket(Sa* sa, uint8_t* packet, int length, uint32_t seqHigh);
bool openPacket(Sa* sa, uint8_t* packet, int length, uint32_t seqHigh);

// ---- tables and instances ----

/** Slots that pumps read without a lock. Only the main thread writes. */
template <class T, int N>
class Table {
 public:
  T* get(int i) const { return static_cast<unsigned>(i) < N ? slots_[i].load(std::memory_order_seq_cst) : nullptr; }
  int add(T* value) {
    for (int i = 0; i < N; i++) {
      if (slots_[i].load(std::memory_order_relaxed) != nullptr) continue;
      slots_[i].store(value, std::memory_order_seq_cst);
      return i;
    }
    return -1;
  }
  T* exchange(int i, T* value) {
    return static_cast<unsigned>(i) < N ? slots_[i].exchange(value, std::memory_order_seq_cst) : nullptr;
  }

 private:
  std::atomic<T*> slots_[N] = {};
};

constexpr int MAX_TUNS = 8192;
constexpr int MAX_SAS = 16384;
constexpr int MAX_PATHS = 16384;

struct Tun {
  int fd = -1;
  bool uso = false;
};

struct Address {
  union {
    sockaddr sa;
    sockaddr_in v4;
    sockaddr_in6 v6;
  };
  socklen_t length;
  bool parse(const char* text, int port);
};

struct Path {
  bool udp;
  int fd;
  Address local, remote;
};

enum : int { SOCKET_UDP500, SOCKET_UDP4500, SOCKET_ESP, SOCKET_GRE, SOCKET_KINDS };
/** kind * 2 + (v6 ? 1 : 0) */
constexpr int SOCKETS = SOCKET_KINDS * 2;

enum : int { INBOUND, OUTBOUND };

/** What a pump has for itself. Everything but `section` is touched by its own thread only. */
struct Pump {
  std::atomic<uint32_t> section{0};  // odd: inside a call and may hold pointers out of the tables
  int epoll = -1, wake = -1;
  uint32_t turns = 0;
  bool errors = false;        // an error queue has news
  std::vector<uint16_t> ready;  // a ring: sources whose last system call did not say EAGAIN
  size_t head = 0, queued = 0;
  std::vector<uint8_t> isReady;
  Splitter splitter;
  std::vector<uint8_t> superPacket;
  struct SendScratch* sending = nullptr;
  Coalescer coalescer;

  void markReady(uint16_t source);
  uint16_t takeReady();
};

struct Io {
  int sockets[SOCKETS] = {-1, -1, -1, -1, -1, -1, -1, -1};
  // What the outbound pump sends by them may be fragmented. DF has no control message, only a socket option.
  bool fragmenting[SOCKETS] = {};
  int ports[2] = {500, 4500};
  Pump pumps[2];
  Table<Tun, MAX_TUNS> tuns;
  Table<Sa, MAX_SAS> sas;
  Table<Path, MAX_PATHS> paths;

  int socketFor(const Path& path) const;
  /** Sets or clears DF for what is sent next by this socket; IPv4 only. Outbound pump only. */
  void letFragment(int fd, bool may);
};

/** Marks the time in which a pump may hold what it read from a table. */
class Inside {
 public:
  explicit Inside(Pump& pump) : pump_(pump) { pump_.section.fetch_add(1, std::memory_order_seq_cst); }
  ~Inside() { pump_.section.fetch_add(1, std::memory_order_seq_cst); }
  Inside(const Inside&) = delete;

 private:
  Pump& pump_;
};
/** Returns when neither pump can hold a pointer that left the tables before the call. */
void settle(Io& io);

/** What a system call refused, for the error that JavaScript sees. */
struct Refusal {
  const char* call = nullptr;
  int error = 0;
  int socket = -1;
};

/** Ports below 0: no sockets, only the tables, for tests. */
Io* openIo(int ikePort, int nattPort, Refusal& why);  // sockets.cc
void closeIo(Io* io);
int openTun(Io& io, const char* name, Refusal& why);  // tun.cc
bool closeTun(Io& io, int index);

/** What epoll says where it was the wake and no TUN or socket. */
constexpr uint32_t WAKE_SOURCE = 0xffffffff;
/** Calls after which epoll is asked even though there is work, so that quiet sources are heard beside busy ones. */
constexpr uint32_t LOOK_ROUND_EVERY = 16;
/** Waits for any source; true: the wake came. */
bool waitFor(Io& io, Pump& pump, int timeout);  // wait.cc

/** Results of the reading calls: rows in the low half, news above. */
constexpr int NEWS_ERRORS = 1 << 16;

struct SlotShape {
  int slot, headroom;
};
int tunRead(Io& io, Pump& pump, const Batch& batch, SlotShape shape, int target, int timeout);
void tunWrite(Io& io, Pump& pump, const Batch& batch, int n);
struct BufferShape {
  int buffers, length, headroom;
};
int receive(Io& io, Pump& pump, const Batch& batch, BufferShape shape, int target, int timeout);
void sendRows(Io& io, Pump& pump, const Batch& batch, int n);
SendScratch* newSendScratch();
void freeSendScratch(SendScratch* scratch);
/** 0, or the errno. */
int sendOne(Io& io, const Path& path, const uint8_t* bytes, size_t n);

struct TooBig {
  Address remote;
  int socket;
  uint32_t mtu, spi;
};
int readErrorQueues(Io& io, Pump& pump, TooBig* into, int room);  // error_queue.cc

/** A whole Ethernet frame; 0 or errno. */
int sendFrame(int interfaceIndex, const uint8_t* frame, size_t length);
/** No program that is started from here on holds a descriptor of ours; 0 or errno. */
int closeOnExec();

}  // namespace brunel
