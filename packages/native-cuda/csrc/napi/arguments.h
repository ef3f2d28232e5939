// Reading checked arguments: the TypeScript side has validated every one (src/ops), so this reads and does not judge.
#pragma once
#include <napi.h>

#include <memory>
#include <utility>
#include <vector>

#include "napi/memory.h"
#include "napi/outcome.h"

namespace vlprm::napi {

// Address of a typed array's first element; null for null.
template <class T>
T* pointer(const Napi::Value& value) {
  if (value.IsNull() || value.IsUndefined()) return nullptr;
  void* data = nullptr;
  napi_typedarray_type type;
  size_t length = 0;
  size_t offset = 0;
  napi_value buffer;
  const napi_status status = napi_get_typedarray_info(value.Env(), value, &type, &length, &data, &buffer, &offset);
  if (status != napi_ok) throw Napi::TypeError::New(value.Env(), "vlprm.node was called with something else than a typed array");
  // The getter of a later argument can detach an array that was checked before.
  bool detached = false;
  if (length == 0) napi_is_detached_arraybuffer(value.Env(), buffer, &detached);
  if (detached) throw codedError(value.Env(), {"ERR_VLPRM_DETACHED", "an array was transferred away after it had been checked"});
  return static_cast<T*>(data);
}

inline int64_t length(const Napi::Value& value) {
  return value.IsNull() || value.IsUndefined() ? 0 : static_cast<int64_t>(value.As<Napi::TypedArray>().ElementLength());
}

inline double number(const Napi::Value& value) { return value.As<Napi::Number>().DoubleValue(); }
inline int64_t integer(const Napi::Value& value) { return value.As<Napi::Number>().Int64Value(); }

typedef std::vector<std::shared_ptr<Memory>> Shares;

// Arguments of one call, read in the order in which src/bindings lists them.
class Arguments {
 public:
  explicit Arguments(const Napi::CallbackInfo& info) : info_(info) {}
  Napi::Value next() { return info_[at_++]; }
  // A typed array, or the memory of a DeviceBuffer.
  template <class T>
  T* array() {
    const Napi::Value value = next();
    if (!value.IsExternal()) return pointer<T>(value);
    shares_.push_back(memoryOf(value));
    return static_cast<T*>(shares_.back()->data());
  }
  // Offsets of segments into `offsets`; returns how many segments there are (0 for null).
  int64_t segments(const int32_t*& offsets) {
    const Napi::Value value = next();
    offsets = pointer<int32_t>(value);
    return value.IsNull() ? 0 : length(value) - 1;
  }
  double number() { return napi::number(next()); }
  int64_t integer() { return napi::integer(next()); }
  // The memory that was read so far, to be held while it is used.
  Shares shares() { return std::move(shares_); }

 private:
  const Napi::CallbackInfo& info_;
  size_t at_ = 0;
  Shares shares_;
};

}  // namespace vlprm::napi
