// The offloads and the ciphers on plain buffers, without a TUN or a socket: for tests.
#include "glue.h"

namespace brunel {
namespace {

using Info = const Napi::CallbackInfo&;
using Octets = std::vector<uint8_t>;

/** A copy that ends where the data ends, so that a sanitizer sees each octet read too many. */
Octets octets(Napi::Value v) {
  const Napi::Uint8Array a = v.As<Napi::Uint8Array>();
  return Octets(a.Data(), a.Data() + a.ByteLength());
}

Napi::Uint8Array bytes(Napi::Env env, const uint8_t* from, size_t n) {
  Napi::Uint8Array a = Napi::Uint8Array::New(env, n);
  if (n > 0) memcpy(a.Data(), from, n);
  return a;
}

/** split(vnet header and packet): the segments, or null where the header makes no sense. */
Napi::Value Split(Info info) {
  const Napi::Env env = info.Env();
  Octets all = octets(info[0]);
  VnetHeader header;
  if (all.size() < sizeof header) return env.Null();
  memcpy(&header, all.data(), sizeof header);
  Octets packet(all.begin() + sizeof header, all.end());
  const int length = static_cast<int>(packet.size());
  const Napi::Array list = Napi::Array::New(env);
  if (header.gsoType == GSO_NONE) {
    if ((header.flags & VNET_NEEDS_CSUM) != 0 && !completeChecksum(header, packet.data(), length)) return env.Null();
    list.Set(0u, bytes(env, packet.data(), packet.size()));
    return list;
  }
  Splitter s;
  if (!s.begin(header, packet.data(), length)) return env.Null();
  for (uint32_t i = 0; s.active(); i++) {
    Octets slot(static_cast<size_t>(s.nextLength()));
    const int n = s.next(slot.data());
    list.Set(i, bytes(env, slot.data(), static_cast<size_t>(n)));
  }
  return list;
}

/** coalesce(packets, udp): one buffer for each group, vnet header in front; one flow at a time, as they come. */
Napi::Value Coalesce(Info info) {
  const Napi::Env env = info.Env();
  const Napi::Array in = info[0].As<Napi::Array>(), out = Napi::Array::New(env);
  const bool udp = info[1].ToBoolean();
  std::vector<Octets> packets;
  for (uint32_t i = 0; i < in.Length(); i++) packets.push_back(octets(in.Get(i)));
  Group g;
  g.count = 0;
  const auto flush = [&] {
    if (g.count == 0) return;
    Octets& first = packets[static_cast<size_t>(g.rows[0])];
    const VnetHeader header = finishGroup(g, first.data());
    Octets joined(sizeof header);
    memcpy(joined.data(), &header, sizeof header);
    joined.insert(joined.end(), first.begin(), first.end());
    for (int i = 1; i < g.count; i++) {
      const Octets& p = packets[static_cast<size_t>(g.rows[i])];
      joined.insert(joined.end(), p.begin() + g.headers, p.end());
    }
    out.Set(out.Length(), bytes(env, joined.data(), joined.size()));
    g.count = 0;
  };
  for (size_t i = 0; i < packets.size(); i++) {
    const Octets& p = packets[i];
    const int length = static_cast<int>(p.size());
    if (length < 20) continue;
    const Candidate c = classify(p.data(), length, udp);
    const uint8_t* first = g.count > 0 ? packets[static_cast<size_t>(g.rows[0])].data() : nullptr;
    const bool same = g.count > 0 && g.kind != GSO_NONE && c.flow && sameFlow(first, p.data(), c);
    if (same && join(g, first, p.data(), c, static_cast<int>(i))) continue;
    flush();
    openGroup(g, p.data(), c, 0, static_cast<int>(i), length);
  }
  flush();
  return out;
}

/** checksum(bytes): RFC 1071 over them, as a number in network order. */
Napi::Value Checksum(Info info) {
  const Octets all = octets(info[0]);
  Octets copy(all.size());
  const uint16_t sum = fold(sumOf(all.data(), all.size()));
  if (fold(copyAndSum(copy.data(), all.data(), all.size())) != sum || copy != all) return info.Env().Null();
  return Napi::Number::New(info.Env(), swap16(static_cast<uint16_t>(~sum)));
}

}  // namespace

void addBufferCalls(Napi::Env env, Napi::Object exports) {
  exports.Set("split", Napi::Function::New(env, Split, "split"));
  exports.Set("coalesce", Napi::Function::New(env, Coalesce, "coalesce"));
  exports.Set("checksum", Napi::Function::New(env, Checksum, "checksum"));
}

}  // namespace brunel
