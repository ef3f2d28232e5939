#include "cpu/kernels.h"
#include "napi/call.h"

namespace vlprm::napi {

namespace {

void read(Arguments& in, VlprmAdamW& op) {
  op.parameters = in.array<float>();
  op.gradient = in.array<float>();
  op.firstMoment = in.array<float>();
  op.secondMoment = in.array<float>();
  op.size = in.integer();
  op.beta1 = in.number();
  op.beta2 = in.number();
  op.epsilon = in.number();
  op.stepSize = in.number();
  op.secondScale = in.number();
  op.keep = in.number();
  op.maxGradNorm = in.number();
}

Napi::Value result(Napi::Env env, const VlprmAdamW& op) { return Napi::Boolean::New(env, op.applied != 0); }

const Binding<VlprmAdamW> binding = {read, cpu::adamw, &VlprmCudaApi::adamw, result};

}  // namespace

void exposeAdamw(Napi::Env env, Napi::Object exports) { expose(env, exports, "adamw", binding); }

}  // namespace vlprm::napi
