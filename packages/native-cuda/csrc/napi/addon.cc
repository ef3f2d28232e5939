// Export table of vlprm.node. Argument lists: src/bindings.
#include <napi.h>

#include "cpu/kernels.h"
#include "napi/call.h"

namespace vlprm::napi {

namespace {

constexpr int ADDON_ABI = 8;

Napi::Value cpuInfo(const Napi::CallbackInfo& info) {
  Napi::Object result = Napi::Object::New(info.Env());
  result.Set("isa", cpu::kernels().isa);
  const cpu::Kernels* found[4];
  const size_t count = cpu::everyKernels(found);
  Napi::Array isas = Napi::Array::New(info.Env(), count);
  for (uint32_t i = 0; i < count; ++i) isas[i] = Napi::String::New(info.Env(), found[i]->isa);
  result.Set("isas", isas);
  result.Set("requestedIsa", cpu::requestedIsa() == nullptr ? info.Env().Null() : Napi::Value(Napi::String::New(info.Env(), cpu::requestedIsa())));
  result.Set("threads", cpu::processors());
  return result;
}

// Benchmarks only.
Napi::Value readFloor(const Napi::CallbackInfo& info) {
  const Napi::TypedArray array = info[0].As<Napi::TypedArray>();
  const uint64_t sum = cpu::readFloor(pointer<char>(array), static_cast<int64_t>(array.ByteLength()), static_cast<int>(integer(info[1])));
  return Napi::Number::New(info.Env(), static_cast<double>(sum & 0xffffffffu));
}

Napi::Value probeCuda(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const CudaProbe& probe = cudaProbe(info[0].As<Napi::String>().Utf8Value());
  Napi::Object result = Napi::Object::New(env);
  result.Set("detail", probe.api == nullptr ? env.Null() : Napi::Value(Napi::String::New(env, probe.detail)));
  result.Set("reason", probe.api != nullptr ? env.Null() : Napi::Value(Napi::String::New(env, probe.reason)));
  return result;
}

Napi::Object initialise(Napi::Env env, Napi::Object exports) {
  exports.Set("abi", ADDON_ABI);
  exports.Set("cpuInfo", Napi::Function::New(env, cpuInfo));
  exports.Set("readFloor", Napi::Function::New(env, readFloor));
  exports.Set("cudaProbe", Napi::Function::New(env, probeCuda));
  exposeMemory(env, exports);
  exposeStepScore(env, exports);
  exposeStepLoss(env, exports);
  exposeAdamw(env, exports);
  exposeMcLabels(env, exports);
  exposePuctSelect(env, exports);
  exposeExpandNodes(env, exports);
  exposeValueBackup(env, exports);
  return exports;
}

}  // namespace

NODE_API_MODULE(vlprm, initialise)

}  // namespace vlprm::napi
