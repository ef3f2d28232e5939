#include "cpu/kernels.h"
#include "napi/call.h"

namespace vlprm::napi {

namespace {

void read(Arguments& in, VlprmStepLoss& op) {
  op.features = in.array<float>();
  op.width = in.integer();
  op.count = in.integer();
  op.rowIndices = in.array<int32_t>();
  op.targets = in.array<float>();
  op.weights = in.array<float>();
  op.head = in.array<float>();
  op.hiddenSize = in.integer();
  op.squared = in.next().ToBoolean() ? 1 : 0;
  op.labelSmoothing = in.number();
  op.gradient = in.array<float>();
}

// [loss, weightSum]
Napi::Value result(Napi::Env env, const VlprmStepLoss& op) {
  Napi::Array sums = Napi::Array::New(env, 2);
  sums.Set(uint32_t{0}, op.loss);
  sums.Set(uint32_t{1}, op.weightSum);
  return sums;
}

const Binding<VlprmStepLoss> binding = {read, cpu::stepLoss, &VlprmCudaApi::stepLoss, result};

}  // namespace

void exposeStepLoss(Napi::Env env, Napi::Object exports) { expose(env, exports, "stepLoss", binding); }

}  // namespace vlprm::napi
