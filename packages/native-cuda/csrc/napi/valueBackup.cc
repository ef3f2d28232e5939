#include "cpu/kernels.h"
#include "napi/call.h"
#include "napi/trees.h"

namespace vlprm::napi {

namespace {

void read(Arguments& in, VlprmValueBackup& op) {
  op.trees = readTrees(in);
  op.wave = readWave(in);
  op.values = in.array<double>();
  op.discount = in.array<double>();
  op.pending = static_cast<int32_t>(in.integer());
}

Napi::Value result(Napi::Env env, const VlprmValueBackup&) { return env.Undefined(); }

const Binding<VlprmValueBackup> binding = {read, cpu::valueBackup, &VlprmCudaApi::valueBackup, result};

}  // namespace

void exposeValueBackup(Napi::Env env, Napi::Object exports) { expose(env, exports, "valueBackup", binding); }

}  // namespace vlprm::napi
