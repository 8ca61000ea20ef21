// Control calls: open and close things, add keys and paths. Main thread only.
#include <linux/filter.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "glue.h"

namespace brunel {

DropStatus drops;
std::atomic<Io*> instances[MAX_INSTANCES];

namespace {

using Info = const Napi::CallbackInfo&;

Napi::Value refuse(Napi::Env env, const Refusal& why) {
  Napi::Error error = Napi::Error::New(env, std::string(why.call) + ": " + strerror(why.error));
  error.Set("errno", Napi::Number::New(env, why.error));
  error.Set("syscall", Napi::String::New(env, why.call));
  error.Set("socket", Napi::Number::New(env, why.socket));
  error.ThrowAsJavaScriptException();
  return env.Undefined();
}

Napi::Value invalid(Napi::Env env, const char* what) {
  Napi::TypeError::New(env, what).ThrowAsJavaScriptException();
  return env.Undefined();
}

Io* instance(Info info) { return instanceOf(info.Env(), info[0].ToNumber().Uint32Value()); }
int integer(Info info, size_t i) { return info[i].ToNumber().Int32Value(); }
std::string text(Info info, size_t i) { return info[i].ToString().Utf8Value(); }

/** open(ikePort, nattPort): number */
Napi::Value Open(Info info) {
  Refusal why;
  Io* io = openIo(integer(info, 0), integer(info, 1), why);
  if (io == nullptr) return refuse(info.Env(), why);
  for (int i = 0; i < MAX_INSTANCES; i++) {
    Io* none = nullptr;
    if (instances[i].compare_exchange_strong(none, io)) return Napi::Number::New(info.Env(), i);
  }
  closeIo(io);
  return refuse(info.Env(), {"open", EMFILE, -1});
}

/** close(instance); both pumps have ended. */
Napi::Value Close(Info info) {
  const uint32_t number = info[0].ToNumber().Uint32Value();
  Io* io = number < MAX_INSTANCES ? instances[number].exchange(nullptr) : nullptr;
  if (io != nullptr) closeIo(io);
  return info.Env().Undefined();
}

/** setDrops({ tunnelWrite, underlaySend, underlayRoom, truncated }): statuses of the rows that the addon refuses. */
Napi::Value SetDrops(Info info) {
  const Napi::Object o = info[0].ToObject();
  const auto status = [&](const char* name) { return o.Get(name).ToNumber().Int32Value(); };
  drops = {status("tunnelWrite"), status("underlaySend"), status("underlayRoom"), status("truncated")};
  return info.Env().Undefined();
}

/** wake(pump): makes the waiting call of a pump return. */
Napi::Value Wake(Info info) {
  const uint32_t number = info[0].ToNumber().Uint32Value();
  Io* io = instanceOf(info.Env(), number >> 1);
  const uint64_t one = 1;
  if (io != nullptr) (void)!write(io->pumps[number & 1].wake, &one, sizeof one);
  return info.Env().Undefined();
}

Napi::Value OpenTun(Info info) {
  Io* io = instance(info);
  if (io == nullptr) return info.Env().Undefined();
  Refusal why;
  const int index = openTun(*io, text(info, 1).c_str(), why);
  return index < 0 ? refuse(info.Env(), why) : Napi::Number::New(info.Env(), index);
}

Napi::Value CloseTun(Info info) {
  Io* io = instance(info);
  return io == nullptr ? info.Env().Undefined() : Napi::Boolean::New(info.Env(), closeTun(*io, integer(info, 1)));
}

/** addSa(instance, cipher, key, mac, macKey, icvLength, esn, implicitIv): index */
Napi::Value AddSa(Info info) {
  Io* io = instance(info);
  if (io == nullptr) return info.Env().Undefined();
  if (!info[2].IsTypedArray() || !info[4].IsTypedArray()) return invalid(info.Env(), "keys are Uint8Arrays");
  const Napi::Uint8Array key = info[2].As<Napi::Uint8Array>(), macKey = info[4].As<Napi::Uint8Array>();
  Sa* sa = newSa(integer(info, 1), key.Data(), key.ByteLength(), integer(info, 3), macKey.Data(), macKey.ByteLength(),
                 integer(info, 5), info[6].ToBoolean(), info[7].ToBoolean());
  if (sa == nullptr) return invalid(info.Env(), "no such cipher, or keys and ICV do not fit it");
  const int index = io->sas.add(sa);
  if (index >= 0) return Napi::Number::New(info.Env(), index);
  freeSa(sa);
  return refuse(info.Env(), {"addSa", ENOSPC, -1});
}

Napi::Value RemoveSa(Info info) {
  Io* io = instance(info);
  Sa* sa = io == nullptr ? nullptr : io->sas.exchange(integer(info, 1), nullptr);
  if (sa != nullptr) {
    settle(*io);
    freeSa(sa);
  }
  return info.Env().Undefined();
}

/** udp, local address, local port, remote address, remote port, from argument i on. */
Path* readPath(const Io& io, Info info, size_t i) {
  Path* path = new Path;
  path->udp = info[i].ToBoolean();
  const std::string local = text(info, i + 1), remote = text(info, i + 3);
  const bool v6 = remote.find(':') != std::string::npos;
  const int localPort = integer(info, i + 2);
  const bool good = path->remote.parse(remote.c_str(), path->udp ? integer(info, i + 4) : 0) &&
                    path->local.parse(local.empty() ? (v6 ? "::" : "0.0.0.0") : local.c_str(), localPort) &&
                    path->local.length == path->remote.length &&
                    (!path->udp || localPort == io.ports[0] || localPort == io.ports[1]);
  if (good) path->fd = io.socketFor(*path);
  if (good) return path;
  delete path;
  return nullptr;
}

constexpr const char* BAD_PATH = "a path needs two addresses of one family, and for UDP a local port that is ours";

/** setPath(instance, index or -1, udp, localAddress, localPort, remoteAddress, remotePort): index */
Napi::Value SetPath(Info info) {
  Io* io = instance(info);
  if (io == nullptr) return info.Env().Undefined();
  Path* path = readPath(*io, info, 2);
  if (path == nullptr) return invalid(info.Env(), BAD_PATH);
  int index = integer(info, 1);
  if (index < 0) {
    index = io->paths.add(path);
    if (index >= 0) return Napi::Number::New(info.Env(), index);
    delete path;
    return refuse(info.Env(), {"addPath", ENOSPC, -1});
  }
  if (io->paths.get(index) == nullptr) {
    delete path;
    return invalid(info.Env(), "no such path");
  }
  Path* old = io->paths.exchange(index, path);
  settle(*io);
  delete old;
  return Napi::Number::New(info.Env(), index);
}

Napi::Value RemovePath(Info info) {
  Io* io = instance(info);
  Path* old = io == nullptr ? nullptr : io->paths.exchange(integer(info, 1), nullptr);
  if (old != nullptr) {
    settle(*io);
    delete old;
  }
  return info.Env().Undefined();
}

/** sendUdp(instance, bytes, localAddress, localPort, remoteAddress, remotePort): 0 or errno */
Napi::Value SendUdp(Info info) {
  Io* io = instance(info);
  if (io == nullptr) return info.Env().Undefined();
  if (!info[1].IsTypedArray()) return invalid(info.Env(), "bytes are a Uint8Array");
  const Napi::Uint8Array bytes = info[1].As<Napi::Uint8Array>();
  Path path;
  path.udp = true;
  const std::string local = text(info, 2), remote = text(info, 4);
  const bool v6 = remote.find(':') != std::string::npos;
  const int localPort = integer(info, 3);
  if (!path.remote.parse(remote.c_str(), integer(info, 5)) ||
      !path.local.parse(local.empty() ? (v6 ? "::" : "0.0.0.0") : local.c_str(), localPort) ||
      path.local.length != path.remote.length || (localPort != io->ports[0] && localPort != io->ports[1]))
    return invalid(info.Env(), BAD_PATH);
  return Napi::Number::New(info.Env(), sendOne(*io, path, bytes.Data(), bytes.ByteLength()));
}

/** sendFrame(interfaceIndex, bytes): 0 or errno */
Napi::Value SendFrame(Info info) {
  if (!info[1].IsTypedArray()) return invalid(info.Env(), "bytes are a Uint8Array");
  const Napi::Uint8Array bytes = info[1].As<Napi::Uint8Array>();
  return Napi::Number::New(info.Env(), sendFrame(integer(info, 0), bytes.Data(), bytes.ByteLength()));
}

/** closeOnExec(): 0 or errno */
Napi::Value CloseOnExec(Info info) { return Napi::Number::New(info.Env(), closeOnExec()); }

/**
 * socketFilter(program): struct sock_fprog, for SO_ATTACH_FILTER. It points into the program: whoever sets the option
 * must hold that until the kernel has copied it.
 */
Napi::Value SocketFilter(Info info) {
  if (!info[0].IsTypedArray()) return invalid(info.Env(), "a program is a Uint8Array");
  Napi::Uint8Array program = info[0].As<Napi::Uint8Array>();
  const sock_fprog fprog{static_cast<unsigned short>(program.ByteLength() / sizeof(sock_filter)),
                         reinterpret_cast<sock_filter*>(program.Data())};
  Napi::Uint8Array told = Napi::Uint8Array::New(info.Env(), sizeof fprog);
  memcpy(told.Data(), &fprog, sizeof fprog);
  return told;
}

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  const auto add = [&](const char* name, Napi::Value (*f)(Info)) {
    exports.Set(name, Napi::Function::New(env, f, name));
  };
  add("openIo", Open);
  add("closeIo", Close);
  add("setDrops", SetDrops);
  add("wake", Wake);
  add("openTun", OpenTun);
  add("closeTun", CloseTun);
  add("addSa", AddSa);
  add("removeSa", RemoveSa);
  add("setPath", SetPath);
  add("removePath", RemovePath);
  add("sendUdp", SendUdp);
  add("sendFrame", SendFrame);
  add("closeOnExec", CloseOnExec);
  add("socketFilter", SocketFilter);
  addPumpCalls(env, exports);
  addBufferCalls(env, exports);
  return exports;
}

}  // namespace

Io* instanceOf(Napi::Env env, uint32_t number) {
  Io* io = number < MAX_INSTANCES ? instances[number].load() : nullptr;
  if (io == nullptr) Napi::Error::New(env, "this instance of packet-io is closed").ThrowAsJavaScriptException();
  return io;
}

NODE_API_MODULE(brunel_io, Init)

}  // namespace brunel
