#include "cpu/kernels.h"
#include "napi/call.h"

namespace vlprm::napi {

namespace {

void read(Arguments& in, VlprmStepLoss& op) {
  op.features = in.array<void>();
  op.dtype = static_cast<int32_t>(in.integer());
  op.width = in.integer();
  op.count = in.integer();
  op.rowIndices = in.array<int32_t>();
  op.targets = in.array<double>();
  op.weights = in.array<double>();
  op.weightSum = in.number();
  op.loss = static_cast<int32_t>(in.integer());
  op.traces = in.segments(op.traceOffsets);
  op.traceWeights = in.array<double>();
  op.margin = in.number();
  op.head = in.array<float>();
  op.hiddenSize = in.integer();
  op.gradient = in.array<float>();
  op.featureGradient = in.array<void>();
  op.featureGradientDtype = static_cast<int32_t>(in.integer());
}

Napi::Value result(Napi::Env env, const VlprmStepLoss& op) { return Napi::Number::New(env, op.meanLoss); }

const Binding<VlprmStepLoss> binding = {read, cpu::stepLoss, &VlprmCudaApi::stepLoss, result};

}  // namespace

void exposeStepLoss(Napi::Env env, Napi::Object exports) { expose(env, exports, "stepLoss", binding); }

}  // namespace vlprm::napi
