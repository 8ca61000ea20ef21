// Between JavaScript and the rest: instances by number, arguments, results.
#pragma once

#include <napi.h>

#include "packet_io.h"

namespace brunel {

constexpr int MAX_INSTANCES = 64;

/** Instances of the process, the same numbers in every thread. */
extern std::atomic<Io*> instances[MAX_INSTANCES];

/** The instance with this number, or null with an exception pending. */
Io* instanceOf(Napi::Env env, uint32_t number);

/** Raw N-API: what every batch pays. A pump is named by instance * 2 + direction. */
class Call {
 public:
  Call(napi_env env, napi_callback_info info);
  bool ok() const { return io != nullptr; }
  Io* io = nullptr;
  Pump* pump = nullptr;

  int integer(size_t i) const;
  /** Three arguments from i on: bytes, rows, addresses (or undefined). False with an exception pending. */
  bool batch(size_t i, Batch& into) const;
  /** Rows [0, n) that the batch really has. */
  int rows(size_t i, const Batch& batch) const;
  napi_value number(int value) const;

 private:
  napi_env env_;
  size_t count_ = 9;
  napi_value args_[9] = {};
};

void addPumpCalls(Napi::Env env, Napi::Object exports);
void addBufferCalls(Napi::Env env, Napi::Object exports);

}  // namespace brunel
