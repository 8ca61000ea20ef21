#include <arpa/inet.h>

#include "glue.h"

namespace brunel {

Call::Call(napi_env env, napi_callback_info info) : env_(env) {
  napi_get_cb_info(env, info, &count_, args_, nullptr, nullptr);
  const int number = integer(0);
  Io* found = number >= 0 && number < MAX_INSTANCES * 2 ? instances[number >> 1].load() : nullptr;
  if (found == nullptr) {
    napi_throw_error(env, "BRUNEL_CLOSED", "this instance of packet-io is closed");
    return;
  }
  io = found;
  pump = &found->pumps[number & 1];
}

int Call::integer(size_t i) const {
  int32_t value = 0;
  if (i < count_) napi_get_value_int32(env_, args_[i], &value);
  return value;
}

bool Call::batch(size_t i, Batch& into) const {
  napi_typedarray_type type;
  size_t length;
  void* data;
  const auto read = [&](size_t at, napi_typedarray_type want) {
    if (at >= count_) return false;
    napi_status status = napi_get_typedarray_info(env_, args_[at], &type, &length, &data, nullptr, nullptr);
    return status == napi_ok && type == want;
  };
  bool good = read(i, napi_uint8_array);
  if (good) {
    into.bytes = static_cast<uint8_t*>(data);
    into.size = length;
    good = read(i + 1, napi_int32_array);
  }
  if (good) {
    into.rows = static_cast<int32_t*>(data);
    into.capacity = static_cast<int>(length / ROW_FIELDS);
    good = read(i + 2, napi_uint8_array);
  }
  if (good) {
    into.addresses = static_cast<uint8_t*>(data);
    into.addressRows = static_cast<int>(length / ADDRESS_ROW);
    return true;
  }
  napi_throw_type_error(env_, nullptr, "a batch is (Uint8Array, Int32Array, Uint8Array)");
  return false;
}

int Call::rows(size_t i, const Batch& batch) const {
  const int n = integer(i);
  return n < 0 ? 0 : n < batch.capacity ? n : batch.capacity;
}

napi_value Call::number(int value) const {
  napi_value result;
  napi_create_int32(env_, value, &result);
  return result;
}

namespace {

/** tunRead(pump, bytes, rows, addresses, slot, headroom, target, timeout) */
napi_value TunRead(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  Batch batch;
  if (!call.ok() || !call.batch(1, batch)) return nullptr;
  const SlotShape shape{call.integer(4), call.integer(5)};
  if (shape.headroom < 0 || shape.slot <= shape.headroom || shape.slot - shape.headroom > 4096) return call.number(0);
  return call.number(tunRead(*call.io, *call.pump, batch, shape, call.integer(6), call.integer(7)));
}

/** receive(pump, bytes, rows, addresses, buffers, length, headroom, target, timeout) */
napi_value Receive(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  Batch batch;
  if (!call.ok() || !call.batch(1, batch)) return nullptr;
  const BufferShape shape{call.integer(4), call.integer(5), call.integer(6)};
  if (shape.headroom < 0 || shape.length <= shape.headroom || batch.size < static_cast<size_t>(shape.length))
    return call.number(0);
  return call.number(receive(*call.io, *call.pump, batch, shape, call.integer(7), call.integer(8)));
}

/** (pump, bytes, rows, addresses, n) */
template <void (*WORK)(Io&, Pump&, const Batch&, int)>
napi_value OnRows(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  Batch batch;
  if (call.ok() && call.batch(1, batch)) WORK(*call.io, *call.pump, batch, call.rows(4, batch));
  return nullptr;
}

/** A row that cannot be sealed never stays alive: it would leave in the clear. */
void sealRows(Io& io, Pump& pump, const Batch& batch, int n) {
  const Inside inside(pump);
  for (int i = 0; i < n; i++) {
    int32_t* r = batch.row(i);
    if (r[ROW_STATUS] != 0) continue;
    Sa* sa = batch.inside(r) ? io.sas.get(r[ROW_SA]) : nullptr;
    const uint32_t high = static_cast<uint32_t>(r[ROW_SEQ_HIGH]);
    const bool done = sa != nullptr && sealPacket(sa, batch.bytes + r[ROW_OFFSET], r[ROW_LENGTH], high);
    if (!done) r[ROW_STATUS] = STATUS_INTEGRITY;
  }
}

/** Inbound rows without an SA are for others: IKE, keepalives, strangers. */
void openRows(Io& io, Pump& pump, const Batch& batch, int n) {
  const Inside inside(pump);
  for (int i = 0; i < n; i++) {
    int32_t* r = batch.row(i);
    if (r[ROW_STATUS] != 0 || r[ROW_SA] < 0) continue;
    Sa* sa = batch.inside(r) ? io.sas.get(r[ROW_SA]) : nullptr;
    const uint32_t high = static_cast<uint32_t>(r[ROW_SEQ_HIGH]);
    const bool good = sa != nullptr && openPacket(sa, batch.bytes + r[ROW_OFFSET], r[ROW_LENGTH], high);
    if (!good) r[ROW_STATUS] = STATUS_INTEGRITY;
  }
}

/** tooBig(pump): [{ remote: { address, port }, socket, mtu, spi }] */
napi_value ReadTooBig(napi_env raw, napi_callback_info info) {
  const Napi::Env env(raw);
  const Call call(raw, info);
  const Napi::Array list = Napi::Array::New(env);
  if (!call.ok()) return list;
  TooBig news[64];
  const int n = readErrorQueues(*call.io, *call.pump, news, 64);
  for (int i = 0; i < n; i++) {
    const TooBig& t = news[i];
    const bool v6 = t.remote.sa.sa_family == AF_INET6;
    char text[INET6_ADDRSTRLEN] = "";
    const void* octets = v6 ? static_cast<const void*>(&t.remote.v6.sin6_addr) : &t.remote.v4.sin_addr;
    inet_ntop(t.remote.sa.sa_family, octets, text, sizeof text);
    const bool udp = t.socket <= SOCKET_UDP4500;
    Napi::Object remote = Napi::Object::New(env), item = Napi::Object::New(env);
    remote.Set("address", text);
    remote.Set("port", udp ? ntohs(v6 ? t.remote.v6.sin6_port : t.remote.v4.sin_port) : 0);
    item.Set("remote", remote);
    item.Set("socket", t.socket);
    item.Set("mtu", t.mtu);
    item.Set("spi", t.spi);
    list.Set(static_cast<uint32_t>(i), item);
  }
  return list;
}

}  // namespace

void addPumpCalls(Napi::Env env, Napi::Object exports) {
  const auto add = [&](const char* name, napi_callback f) {
    napi_value function;
    napi_create_function(env, name, NAPI_AUTO_LENGTH, f, nullptr, &function);
    exports.Set(name, function);
  };
  add("tunRead", TunRead);
  add("tunWrite", OnRows<tunWrite>);
  add("receive", Receive);
  add("send", OnRows<sendRows>);
  add("seal", OnRows<sealRows>);
  add("open", OnRows<openRows>);
  add("tooBig", ReadTooBig);
}

}  // namespace brunel
