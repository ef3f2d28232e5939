#include "cpu/kernels.h"
#include "napi/call.h"
#include "napi/trees.h"

namespace vlprm::napi {

namespace {

void read(Arguments& in, VlprmPuctSelect& op) {
  op.trees = readTrees(in);
  op.wave = readWave(in);
  op.depths = in.array<int32_t>();
  const Napi::Value factor = in.next();
  op.factor = pointer<double>(factor);
  op.factors = length(factor);
  op.exploration = static_cast<int32_t>(in.integer());
  op.nodeValue = static_cast<int32_t>(in.integer());
  op.virtualValue = in.number();
  op.firstPlay = in.number();
  op.belowParent = static_cast<int32_t>(in.integer());
  op.reserve = static_cast<int32_t>(in.integer());
  op.capacity = in.integer();
}

Napi::Value result(Napi::Env env, const VlprmPuctSelect&) { return env.Undefined(); }

const Binding<VlprmPuctSelect> binding = {read, cpu::puctSelect, &VlprmCudaApi::puctSelect, result};

}  // namespace

void exposePuctSelect(Napi::Env env, Napi::Object exports) { expose(env, exports, "puctSelect", binding); }

}  // namespace vlprm::napi
