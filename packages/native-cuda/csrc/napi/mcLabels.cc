#include "cpu/kernels.h"
#include "napi/call.h"

namespace vlprm::napi {

namespace {

void read(Arguments& in, VlprmMcLabels& op) {
  op.form = static_cast<int32_t>(in.integer());
  op.outcomes = in.array<uint8_t>();
  op.offsets = in.array<int32_t>();
  op.keys = in.array<int32_t>();
  op.rollouts = in.integer();
  op.steps = in.integer();
  op.numerator = in.integer();
  op.denominator = in.integer();
  op.z = in.number();
  op.intervals = in.array<float>();
  op.correct = in.array<int32_t>();
  op.incorrect = in.array<int32_t>();
  op.unparsable = in.array<int32_t>();
  op.failed = in.array<int32_t>();
  op.rate = in.array<float>();
  op.lower = in.array<float>();
  op.upper = in.array<float>();
  op.label = in.array<int8_t>();
}

Napi::Value result(Napi::Env env, const VlprmMcLabels& op) { return Napi::Number::New(env, static_cast<double>(op.invalid)); }

const Binding<VlprmMcLabels> binding = {read, cpu::mcLabels, &VlprmCudaApi::mcLabels, result};

}  // namespace

void exposeMcLabels(Napi::Env env, Napi::Object exports) { expose(env, exports, "mcLabels", binding); }

}  // namespace vlprm::napi
