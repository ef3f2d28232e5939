// One op, called from JavaScript: `op(device, threads, abort, ...arguments)`, synchronously.
// A Binding<Op> (csrc/napi/<op>.cc) reads the arguments in the order of src/bindings/<op>.ts and turns the finished op into a value.
#pragma once
#include <napi.h>

#include <atomic>
#include <new>

#include "cpu/threads.h"
#include "napi/arguments.h"
#include "napi/cudaModule.h"

namespace vlprm::napi {

enum Device { CPU = 0, CUDA = 1 };

template <class Op>
struct Binding {
  void (*read)(Arguments&, Op&);
  bool (*cpu)(Op&, const cpu::Control&);
  // Function of VlprmCudaApi that computes the op; null when the module lacks it.
  int (*const VlprmCudaApi::*cuda)(Op*, char* error, size_t errorSize);
  Napi::Value (*result)(Napi::Env, const Op&);
};

inline Napi::Error codedError(Napi::Env env, const char* code, const std::string& message) {
  Napi::Error error = Napi::Error::New(env, message);
  error.Set("code", Napi::String::New(env, code));
  return error;
}

// What became of a computation; made without touching JavaScript, so any thread may.
struct Outcome {
  const char* code = nullptr;  // null when it succeeded
  std::string message;
};

template <class Op>
Outcome compute(const Binding<Op>& binding, Device device, Op& op, const cpu::Control& control) {
  if (device == CPU) {
    try {
      if (binding.cpu(op, control)) return {};
      return {"ABORT_ERR", "aborted"};
    } catch (const std::bad_alloc&) {
      return {"ERR_VLPRM_OOM", "no memory for scratch space"};
    }
  }
  const VlprmCudaApi* api = cudaApi();
  if (api == nullptr || binding.cuda == nullptr || api->*binding.cuda == nullptr) return {"ERR_VLPRM_BACKEND_UNAVAILABLE", "the CUDA module has no such op"};
  if (control.aborted()) return {"ABORT_ERR", "aborted"};
  char error[256] = "";
  if ((api->*binding.cuda)(&op, error, sizeof error) == 0) return {};
  const bool outOfMemory = std::string(error).find("cudaErrorMemoryAllocation") != std::string::npos;
  return {outOfMemory ? "ERR_VLPRM_OOM" : "ERR_VLPRM_DEVICE", error};
}

// The three arguments that every op has, read before its own.
struct CallHead {
  Device device;
  cpu::Control control;

  explicit CallHead(Arguments& in) {
    device = static_cast<Device>(in.integer());
    control.threads = static_cast<int>(in.integer());
    control.abort = reinterpret_cast<const std::atomic<int32_t>*>(in.array<int32_t>());
  }
};

template <class Op>
Napi::Value callNow(const Napi::CallbackInfo& info, const Binding<Op>& binding) {
  Arguments in(info);
  const CallHead head(in);
  Op op = {};
  binding.read(in, op);
  const Outcome outcome = compute(binding, head.device, op, head.control);
  if (outcome.code != nullptr) throw codedError(info.Env(), outcome.code, outcome.message);
  return binding.result(info.Env(), op);
}

template <class Op>
void expose(Napi::Env env, Napi::Object exports, const char* name, const Binding<Op>& binding) {
  exports.Set(name, Napi::Function::New(env, [&binding](const Napi::CallbackInfo& info) { return callNow(info, binding); }, name));
}

// Each adds its op to the addon's exports.
void exposeStepScore(Napi::Env, Napi::Object exports);
void exposeStepLoss(Napi::Env, Napi::Object exports);
void exposeAdamw(Napi::Env, Napi::Object exports);
void exposeMcLabels(Napi::Env, Napi::Object exports);

}  // namespace vlprm::napi
