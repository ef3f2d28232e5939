#include "cpu/kernels.h"
#include "napi/call.h"

namespace vlprm::napi {

namespace {

void read(Arguments& in, VlprmStepScore& op) {
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
  op.candidates = in.segments(op.candidateOffsets);
  const Napi::Value aggregates = in.next();
  if (!aggregates.IsNull()) {
    const Napi::Array list = aggregates.As<Napi::Array>();
    for (uint32_t k = 0; k < VLPRM_AGGREGATES; ++k) op.aggregates[k] = pointer<float>(list[k]);
  }
  op.firstError = in.array<int32_t>();
  op.problems = in.segments(op.problemOffsets);
  op.selectBy = static_cast<int32_t>(in.integer());
  op.answers = in.array<int32_t>();
  op.best = in.array<int32_t>();
  op.vote = in.array<int32_t>();
}

Napi::Value result(Napi::Env env, const VlprmStepScore&) { return env.Undefined(); }

const Binding<VlprmStepScore> binding = {read, cpu::stepScore, &VlprmCudaApi::stepScore, result};

}  // namespace

void exposeStepScore(Napi::Env env, Napi::Object exports) { expose(env, exports, "stepScore", binding); }

}  // namespace vlprm::napi
