#include "cpu/kernels.h"
#include "napi/call.h"
#include "napi/trees.h"

namespace vlprm::napi {

namespace {

void read(Arguments& in, VlprmExpandNodes& op) {
  op.trees = readTrees(in);
  op.wave = readWave(in);
  op.childOffsets = in.array<int32_t>();
  op.priors = in.array<float>();
  op.firstChildren = in.array<int32_t>();
}

Napi::Value result(Napi::Env env, const VlprmExpandNodes&) { return env.Undefined(); }

const Binding<VlprmExpandNodes> binding = {read, cpu::expandNodes, &VlprmCudaApi::expandNodes, result};

}  // namespace

void exposeExpandNodes(Napi::Env env, Napi::Object exports) { expose(env, exports, "expandNodes", binding); }

}  // namespace vlprm::napi
