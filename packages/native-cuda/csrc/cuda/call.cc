#include "cuda/call.h"

namespace vlprm::cuda {

Call::Call(char* error, size_t errorSize) : device_(Device::get()), turn_(device_.mutex), failure_(error, errorSize) { device_.prepare(failure_); }

Call::~Call() {
  if (device_.stream != nullptr) cudaStreamSynchronize(device_.stream);  // finish() was skipped, or failed with work under way
  device_.inputs.used = 0;
  device_.outputs.used = 0;
  device_.scratch.reset();
}

void* Call::take(size_t bytes) {
  void* memory = nullptr;
  if (!failed()) failure_.passed(device_.scratch.take(bytes, &memory), "scratch memory");
  return memory;
}

const void* Call::input(const void* array, size_t bytes) {
  if (array == nullptr || failed() || device_.owns(array, bytes)) return array;
  const size_t offset = device_.inputs.reserve(bytes);
  if (offset < Packet::CAPACITY) {
    memcpy(device_.inputs.host + offset, array, bytes);
    return device_.inputs.device + offset;
  }
  void* memory = take(bytes);
  upload(memory, bytes, [array](char* host, size_t at, size_t size) { memcpy(host, static_cast<const char*>(array) + at, size); });
  return memory;
}

void* Call::output(void* array, size_t bytes) {
  if (array == nullptr || failed() || device_.owns(array, bytes)) return array;
  const size_t offset = device_.outputs.reserve(bytes);
  if (offset < Packet::CAPACITY) {
    packed_.push_back({array, device_.outputs.host + offset, bytes});
    return device_.outputs.device + offset;
  }
  void* memory = take(bytes);
  downloads_.push_back({array, memory, bytes});
  return memory;
}

void* Call::update(void* array, size_t bytes) {
  void* memory = const_cast<void*>(input(array, bytes));
  if (memory != array) downloads_.push_back({array, memory, bytes});
  return memory;
}

bool Call::ready() {
  Packet& inputs = device_.inputs;
  if (failed() || sent_ == inputs.used) return !failed();
  const size_t begin = sent_;
  sent_ = inputs.used;
  return failure_.passed(cudaMemcpyAsync(inputs.device + begin, inputs.host + begin, sent_ - begin, cudaMemcpyHostToDevice, device_.stream), "upload");
}

void Call::upload(void* device, size_t bytes, const std::function<void(char*, size_t, size_t)>& fill) {
  for (size_t at = 0, piece = 0; at < bytes && !failed(); at += Slot::CAPACITY, ++piece) {
    const Slot& slot = device_.slots[piece % 2];
    const size_t size = bytes - at < Slot::CAPACITY ? bytes - at : Slot::CAPACITY;
    if (!failure_.passed(cudaEventSynchronize(slot.idle), "upload")) return;
    fill(slot.host, at, size);
    failure_.passed(cudaMemcpyAsync(static_cast<char*>(device) + at, slot.host, size, cudaMemcpyHostToDevice, device_.stream), "upload");
    failure_.passed(cudaEventRecord(slot.idle, device_.stream), "upload");
  }
}

void Call::download(void* host, const void* device, size_t bytes) {
  // Piece by piece into one slot while the piece before leaves the other.
  const size_t pieces = (bytes + Slot::CAPACITY - 1) / Slot::CAPACITY;
  const auto sizeOf = [bytes](size_t piece) { return bytes - piece * Slot::CAPACITY < Slot::CAPACITY ? bytes - piece * Slot::CAPACITY : Slot::CAPACITY; };
  for (size_t piece = 0; piece <= pieces && !failed(); ++piece) {
    const Slot& next = device_.slots[piece % 2];
    const Slot& last = device_.slots[(piece + 1) % 2];
    if (piece < pieces) {
      const char* from = static_cast<const char*>(device) + piece * Slot::CAPACITY;
      failure_.passed(cudaMemcpyAsync(next.host, from, sizeOf(piece), cudaMemcpyDeviceToHost, device_.stream), "download");
      failure_.passed(cudaEventRecord(next.idle, device_.stream), "download");
    }
    if (piece == 0) continue;
    if (!failure_.passed(cudaEventSynchronize(last.idle), "download")) return;
    memcpy(static_cast<char*>(host) + (piece - 1) * Slot::CAPACITY, last.host, sizeOf(piece - 1));
  }
}

void Call::zero(void* device, size_t bytes) {
  if (!failed()) failure_.passed(cudaMemsetAsync(device, 0, bytes, device_.stream), "clearing memory");
}

int Call::finish() {
  ready();
  const Packet& outputs = device_.outputs;
  if (!failed() && outputs.used > 0) {
    failure_.passed(cudaMemcpyAsync(outputs.host, outputs.device, outputs.used, cudaMemcpyDeviceToHost, device_.stream), "download");
  }
  if (failed() || !failure_.passed(cudaStreamSynchronize(device_.stream), "waiting for the device")) return failure_.status();
  for (const Download& each : downloads_) download(each.to, each.from, each.bytes);
  if (failed()) return failure_.status();
  for (const Download& each : packed_) memcpy(each.to, each.from, each.bytes);
  return VLPRM_CUDA_OK;
}

}  // namespace vlprm::cuda
