// Memory of DeviceBuffers. JavaScript holds it by a handle, a job in the background by its own share, so that it outlives a
// dispose() meanwhile.
#pragma once
#include <napi.h>

#include <memory>

#include "napi/device.h"

namespace vlprm::napi {

class Memory {
 public:
  // Throws std::bad_alloc, or the error of the device.
  Memory(Napi::Env, Device, size_t bytes);
  ~Memory();
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

  void* data() const { return data_; }
  // Both throw the error of the device.
  void write(Napi::Env, size_t offset, const void* from, size_t bytes);
  void read(Napi::Env, size_t offset, void* into, size_t bytes) const;

 private:
  const Device device_;
  const size_t bytes_;
  void* data_ = nullptr;
};

// The memory behind a handle.
const std::shared_ptr<Memory>& memoryOf(const Napi::Value& handle);

void exposeMemory(Napi::Env, Napi::Object exports);

}  // namespace vlprm::napi
