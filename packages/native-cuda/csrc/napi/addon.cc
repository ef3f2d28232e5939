// Export table of vlprm.node. Argument lists: src/addon.ts.
#include <napi.h>

#include <new>

#include "cpu/kernels.h"
#include "napi/arguments.h"
#include "napi/cudaModule.h"

namespace vlprm::napi {

namespace {

constexpr int ADDON_ABI = 1;

Napi::Error outOfMemory(Napi::Env env) {
  Napi::Error error = Napi::RangeError::New(env, "vlprm.node: out of memory for scratch space; use smaller batches");
  error.Set("code", Napi::String::New(env, "ERR_VLPRM_OOM"));
  return error;
}

// bad_alloc must not cross into Node as an unknown exception.
template <class Call>
auto guarded(Napi::Env env, Call call) -> decltype(call()) {
  try {
    return call();
  } catch (const std::bad_alloc&) {
    throw outOfMemory(env);
  }
}

VlprmStepScore readStepScore(const Napi::CallbackInfo& info) {
  Arguments in(info);
  VlprmStepScore op = {};
  op.hidden = in.array<void>();
  op.dtype = static_cast<int32_t>(in.integer());
  op.width = in.integer();
  op.steps = in.integer();
  op.positions = in.array<int32_t>();
  op.rows = in.array<float>();
  op.bias = in.array<double>();
  op.others = in.integer();
  op.head = in.array<float>();
  op.hiddenSize = in.integer();
  op.temperature = in.number();
  op.threshold = in.number();
  op.logit = in.array<float>();
  op.probability = in.array<float>();
  op.logProbability = in.array<float>();
  const Napi::Value candidateOffsets = in.next();
  op.candidateOffsets = pointer<int32_t>(candidateOffsets);
  op.candidates = candidateOffsets.IsNull() ? 0 : length(candidateOffsets) - 1;
  const Napi::Value aggregates = in.next();
  if (!aggregates.IsNull()) {
    const Napi::Array list = aggregates.As<Napi::Array>();
    for (uint32_t k = 0; k < VLPRM_AGGREGATES; ++k) op.aggregates[k] = pointer<float>(list[k]);
  }
  op.firstError = in.array<int32_t>();
  const Napi::Value problemOffsets = in.next();
  op.problemOffsets = pointer<int32_t>(problemOffsets);
  op.problems = problemOffsets.IsNull() ? 0 : length(problemOffsets) - 1;
  op.selectBy = static_cast<int32_t>(in.integer());
  op.answers = in.array<int32_t>();
  op.best = in.array<int32_t>();
  op.vote = in.array<int32_t>();
  return op;
}

Napi::Value cpuInfo(const Napi::CallbackInfo& info) {
  Napi::Object result = Napi::Object::New(info.Env());
  result.Set("isa", cpu::kernels().isa);
  result.Set("threads", 1);
  return result;
}

void stepScore(const Napi::CallbackInfo& info) {
  const VlprmStepScore op = readStepScore(info);
  guarded(info.Env(), [&] { cpu::stepScore(op); });
}

void stepLoss(const Napi::CallbackInfo& info) {
  Arguments in(info);
  VlprmStepLoss op = {};
  op.features = in.array<float>();
  op.width = in.integer();
  const int64_t rows = in.integer();
  const Napi::Value rowIndices = in.next();
  op.rowIndices = pointer<int32_t>(rowIndices);
  op.count = rowIndices.IsNull() ? rows : length(rowIndices);
  op.targets = in.array<float>();
  op.weights = in.array<float>();
  op.head = in.array<float>();
  op.hiddenSize = in.integer();
  op.squared = in.next().ToBoolean() ? 1 : 0;
  op.labelSmoothing = in.number();
  op.gradient = in.array<float>();
  double* sums = in.array<double>();
  guarded(info.Env(), [&] { cpu::stepLoss(op); });
  sums[0] = op.loss;
  sums[1] = op.weightSum;
}

Napi::Value adamw(const Napi::CallbackInfo& info) {
  Arguments in(info);
  VlprmAdamW op = {};
  const Napi::Value parameters = in.next();
  op.parameters = pointer<float>(parameters);
  op.size = length(parameters);
  op.gradient = in.array<float>();
  op.firstMoment = in.array<float>();
  op.secondMoment = in.array<float>();
  op.beta1 = in.number();
  op.beta2 = in.number();
  op.epsilon = in.number();
  op.stepSize = in.number();
  op.secondScale = in.number();
  op.keep = in.number();
  op.maxGradNorm = in.number();
  return Napi::Boolean::New(info.Env(), cpu::kernels().adamw(op));
}

Napi::Value mcLabels(const Napi::CallbackInfo& info) {
  Arguments in(info);
  VlprmMcLabels op = {};
  op.outcomes = in.array<uint8_t>();
  const Napi::Value offsets = in.next();
  op.offsets = pointer<int32_t>(offsets);
  op.steps = length(offsets) - 1;
  op.numerator = in.integer();
  op.denominator = in.integer();
  op.z = in.number();
  op.correct = in.array<int32_t>();
  op.incorrect = in.array<int32_t>();
  op.unparsable = in.array<int32_t>();
  op.failed = in.array<int32_t>();
  op.rate = in.array<float>();
  op.lower = in.array<float>();
  op.upper = in.array<float>();
  op.label = in.array<int8_t>();
  return Napi::Number::New(info.Env(), static_cast<double>(cpu::kernels().mcLabels(op)));
}

// Benchmarks only.
Napi::Value readFloor(const Napi::CallbackInfo& info) {
  const Napi::TypedArray array = info[0].As<Napi::TypedArray>();
  const uint64_t sum = cpu::kernels().readFloor(pointer<char>(array), static_cast<int64_t>(array.ByteLength()));
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

Napi::Value cudaStepScore(const Napi::CallbackInfo& info) {
  const VlprmCudaApi* api = cudaApi();
  if (api == nullptr) return Napi::String::New(info.Env(), "the device was not probed");
  const VlprmStepScore op = readStepScore(info);
  char error[256] = "";
  if (api->stepScore(&op, error, sizeof error) == 0) return info.Env().Null();
  return Napi::String::New(info.Env(), error);
}

Napi::Object initialise(Napi::Env env, Napi::Object exports) {
  exports.Set("abi", ADDON_ABI);
  exports.Set("cpuInfo", Napi::Function::New(env, cpuInfo));
  exports.Set("stepScore", Napi::Function::New(env, stepScore));
  exports.Set("stepLoss", Napi::Function::New(env, stepLoss));
  exports.Set("adamw", Napi::Function::New(env, adamw));
  exports.Set("mcLabels", Napi::Function::New(env, mcLabels));
  exports.Set("readFloor", Napi::Function::New(env, readFloor));
  exports.Set("cudaProbe", Napi::Function::New(env, probeCuda));
  exports.Set("cudaStepScore", Napi::Function::New(env, cudaStepScore));
  return exports;
}

}  // namespace

NODE_API_MODULE(vlprm, initialise)

}  // namespace vlprm::napi
