// One op, called from JavaScript: `op(device, threads, abort, background, ...arguments)`. In the background it returns a promise,
// otherwise the value. A Binding<Op> (csrc/napi/<op>.cc) reads the arguments in the order of src/bindings/<op>.ts and turns the
// finished op into a value.
#pragma once
#include <napi.h>

#include <atomic>
#include <new>
#include <string>
#include <utility>

#include "cpu/threads.h"
#include "napi/arguments.h"
#include "napi/cudaModule.h"
#include "napi/executor.h"
#include "napi/outcome.h"

namespace vlprm::napi {

template <class Op>
struct Binding {
  void (*read)(Arguments&, Op&);
  bool (*cpu)(Op&, const cpu::Control&);
  // Function of VlprmCudaApi that computes the op; null when the module lacks it.
  int (*const VlprmCudaApi::*cuda)(Op*, char* error, size_t errorSize);
  Napi::Value (*result)(Napi::Env, const Op&);
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
  return cudaOutcome((api->*binding.cuda)(&op, error, sizeof error), error);
}

// The four arguments that every op has, read before its own.
struct CallHead {
  Device device;
  int threads;
  std::atomic<int32_t>* abort;
  bool background;

  explicit CallHead(Arguments& in)
      : device(static_cast<Device>(in.integer())),
        threads(static_cast<int>(in.integer())),
        abort(reinterpret_cast<std::atomic<int32_t>*>(in.array<int32_t>())),
        background(in.next().ToBoolean()) {}

  cpu::Control control() const { return {threads, abort}; }
};

// An op in the background. It holds its arguments, so that no memory is collected while the op computes on it.
template <class Op>
class OpJob final : public Job {
 public:
  OpJob(const Napi::CallbackInfo& info, const Binding<Op>& binding, const CallHead& head, const Op& op, Shares&& shares)
      : binding_(binding), head_(head), op_(op), shares_(std::move(shares)), deferred_(info.Env()) {
    Napi::Array arguments = Napi::Array::New(info.Env(), info.Length());
    for (uint32_t i = 0; i < info.Length(); ++i) arguments.Set(i, info[i]);
    arguments_ = Napi::Persistent(static_cast<Napi::Object>(arguments));
  }
  Napi::Promise promise() const { return deferred_.Promise(); }
  void run() noexcept override { outcome_ = compute(binding_, head_.device, op_, head_.control()); }
  void abort() noexcept override { head_.abort->store(1, std::memory_order_relaxed); }
  void settle(Napi::Env env) override {
    const Napi::HandleScope scope(env);
    if (outcome_.code == nullptr) {
      deferred_.Resolve(binding_.result(env, op_));
    } else {
      deferred_.Reject(codedError(env, outcome_).Value());
    }
  }

 private:
  const Binding<Op>& binding_;
  const CallHead head_;
  Op op_;
  const Shares shares_;
  Outcome outcome_;
  Napi::Promise::Deferred deferred_;
  Napi::ObjectReference arguments_;
};

template <class Op>
Napi::Value call(const Napi::CallbackInfo& info, const Binding<Op>& binding) {
  const Napi::Env env = info.Env();
  Arguments in(info);
  const CallHead head(in);
  Op op = {};
  binding.read(in, op);
  if (head.background) {
    auto job = std::make_unique<OpJob<Op>>(info, binding, head, op, in.shares());
    const Napi::Promise promise = job->promise();
    executor(env, head.device).submit(env, std::move(job));
    return promise;
  }
  const Outcome outcome = compute(binding, head.device, op, head.control());
  if (outcome.code != nullptr) throw codedError(env, outcome);
  return binding.result(env, op);
}

template <class Op>
void expose(Napi::Env env, Napi::Object exports, const char* name, const Binding<Op>& binding) {
  exports.Set(name, Napi::Function::New(env, [&binding](const Napi::CallbackInfo& info) { return call(info, binding); }, name));
}

// Each adds its op to the addon's exports.
void exposeStepScore(Napi::Env, Napi::Object exports);
void exposeStepLoss(Napi::Env, Napi::Object exports);
void exposeAdamw(Napi::Env, Napi::Object exports);
void exposeMcLabels(Napi::Env, Napi::Object exports);
void exposePuctSelect(Napi::Env, Napi::Object exports);
void exposeExpandNodes(Napi::Env, Napi::Object exports);
void exposeValueBackup(Napi::Env, Napi::Object exports);

}  // namespace vlprm::napi
