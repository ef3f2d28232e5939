#include "napi/memory.h"

#include <string.h>

#include <atomic>

#include "cpu/scratch.h"
#include "napi/arguments.h"
#include "napi/cudaModule.h"
#include "napi/outcome.h"

namespace vlprm::napi {

namespace {

template <class Call>
void onDevice(Napi::Env env, Call call) {
  char error[256] = "";
  const Outcome outcome = cudaOutcome(call(error, sizeof error), error);
  if (outcome.code != nullptr) throw codedError(env, outcome);
}

// Of the whole process.
std::atomic<int64_t> allocatedBytes[DEVICES];
std::atomic<int64_t> buffers;

struct Handle {
  std::shared_ptr<Memory> memory;
  int64_t reported;  // bytes that V8 knows of, so that it collects forgotten buffers in time

  void release(Napi::BasicEnv env) {
    memory.reset();
    if (reported != 0) Napi::MemoryManagement::AdjustExternalMemory(env, -reported);
    reported = 0;
  }
};

Handle& handleOf(const Napi::Value& value) { return *value.As<Napi::External<Handle>>().Data(); }

Napi::Value allocate(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const Device device = static_cast<Device>(integer(info[0]));
  const int64_t bytes = integer(info[1]);
  auto handle = std::make_unique<Handle>();
  try {
    handle->memory = std::make_shared<Memory>(env, device, static_cast<size_t>(bytes));
  } catch (const std::bad_alloc&) {
    throw codedError(env, {"ERR_VLPRM_OOM", "no memory for " + std::to_string(bytes) + " bytes"});
  }
  handle->reported = device == CPU ? bytes : 0;
  if (handle->reported != 0) Napi::MemoryManagement::AdjustExternalMemory(env, handle->reported);
  return Napi::External<Handle>::New(env, handle.release(), [](Napi::BasicEnv finalEnv, Handle* forgotten) {
    forgotten->release(finalEnv);
    delete forgotten;
  });
}

Napi::Value release(const Napi::CallbackInfo& info) {
  handleOf(info[0]).release(info.Env());
  return info.Env().Undefined();
}

// (handle, offset in bytes, array)
Napi::Value write(const Napi::CallbackInfo& info) {
  memoryOf(info[0])->write(info.Env(), static_cast<size_t>(integer(info[1])), pointer<char>(info[2]), info[2].As<Napi::TypedArray>().ByteLength());
  return info.Env().Undefined();
}

Napi::Value read(const Napi::CallbackInfo& info) {
  memoryOf(info[0])->read(info.Env(), static_cast<size_t>(integer(info[1])), pointer<char>(info[2]), info[2].As<Napi::TypedArray>().ByteLength());
  return info.Env().Undefined();
}

Napi::Value memoryUsage(const Napi::CallbackInfo& info) {
  Napi::Object usage = Napi::Object::New(info.Env());
  usage.Set("cpuBytes", static_cast<double>(allocatedBytes[CPU]));
  usage.Set("cudaBytes", static_cast<double>(allocatedBytes[CUDA]));
  usage.Set("buffers", static_cast<double>(buffers));
  return usage;
}

}  // namespace

Memory::Memory(Napi::Env env, Device device, size_t bytes) : device_(device), bytes_(bytes) {
  if (device_ == CPU) {
    data_ = cpu::scratchMemory(bytes).release();
  } else {
    onDevice(env, [&](char* error, size_t size) { return cudaApi()->allocate(bytes == 0 ? 1 : bytes, &data_, error, size); });
  }
  allocatedBytes[device_] += static_cast<int64_t>(bytes_);
  ++buffers;
}

Memory::~Memory() {
  if (device_ == CPU) {
    cpu::ScratchDelete()(static_cast<char*>(data_));
  } else {
    cudaApi()->release(data_);
  }
  allocatedBytes[device_] -= static_cast<int64_t>(bytes_);
  --buffers;
}

// An array of no elements may have no address.
void Memory::write(Napi::Env env, size_t offset, const void* from, size_t bytes) {
  if (bytes == 0) return;
  char* to = static_cast<char*>(data_) + offset;
  if (device_ == CPU) {
    memcpy(to, from, bytes);
  } else {
    onDevice(env, [&](char* error, size_t size) { return cudaApi()->upload(to, from, bytes, error, size); });
  }
}

void Memory::read(Napi::Env env, size_t offset, void* into, size_t bytes) const {
  if (bytes == 0) return;
  const char* from = static_cast<char*>(data_) + offset;
  if (device_ == CPU) {
    memcpy(into, from, bytes);
  } else {
    onDevice(env, [&](char* error, size_t size) { return cudaApi()->download(into, from, bytes, error, size); });
  }
}

const std::shared_ptr<Memory>& memoryOf(const Napi::Value& handle) { return handleOf(handle).memory; }

void exposeMemory(Napi::Env env, Napi::Object exports) {
  exports.Set("allocate", Napi::Function::New(env, allocate));
  exports.Set("release", Napi::Function::New(env, release));
  exports.Set("write", Napi::Function::New(env, write));
  exports.Set("read", Napi::Function::New(env, read));
  exports.Set("memoryUsage", Napi::Function::New(env, memoryUsage));
}

}  // namespace vlprm::napi
