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
  packed_ = false;
  return memory;
}

const void* Call::filled(size_t bytes, const Fill& fill) {
  if (failed()) return nullptr;
  const size_t offset = device_.inputs.reserve(bytes);
  if (offset < Packet::CAPACITY) {
    if (bytes > 0) fill(device_.inputs.host + offset, 0, bytes);
    return device_.inputs.device + offset;
  }
  void* memory = take(bytes);
  upload(memory, bytes, fill);
  return memory;
}

const void* Call::input(const void* array, size_t bytes) {
  if (array == nullptr || failed() || device_.owns(array, bytes)) return array;
  return filled(bytes, [array](char* host, size_t at, size_t size) { memcpy(host, static_cast<const char*>(array) + at, size); });
}

void* Call::output(void* array, size_t bytes) {
  if (array == nullptr || failed() || device_.owns(array, bytes)) return array;
  const size_t offset = device_.outputs.reserve(bytes);
  if (offset < Packet::CAPACITY) {
    fromPacket_.push_back({array, device_.outputs.host + offset, bytes});
    return device_.outputs.device + offset;
  }
  void* memory = take(bytes);
  fromDevice_.push_back({array, memory, bytes});
  return memory;
}

void* Call::update(void* array, size_t bytes) {
  void* memory = const_cast<void*>(input(array, bytes));
  if (memory == array || failed()) return memory;
  packed_ = false;
  fromDevice_.push_back({array, memory, bytes});
  return memory;
}

bool Call::ready() {
  Packet& inputs = device_.inputs;
  if (failed() || sent_ == inputs.used) return !failed();
  const size_t begin = sent_;
  sent_ = inputs.used;
  return failure_.passed(cudaMemcpyAsync(inputs.device + begin, inputs.host + begin, sent_ - begin, cudaMemcpyHostToDevice, device_.stream), "upload");
}

void Call::upload(void* device, size_t bytes, const Fill& fill) {
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

namespace {

// Copies of a graph have fixed sizes: up to a quarter more than needed lets one graph serve many calls.
size_t rounded(size_t bytes) {
  size_t unit = 256;
  while (unit * 8 < bytes) unit *= 2;
  const size_t up = (bytes + unit - 1) / unit * unit;
  return up < Packet::CAPACITY ? up : Packet::CAPACITY;
}

}  // namespace

void Call::runGraph() {
  if (failed()) return;
  const size_t inputBytes = rounded(device_.inputs.used);
  const size_t outputBytes = rounded(device_.outputs.used);
  identify(inputBytes);
  identify(outputBytes);
  device_.boundGraphs();
  cudaGraphExec_t& graph = device_.graphs[graphKey_];
  if (graph == nullptr) graph = capture(inputBytes, outputBytes);
  if (failed()) {
    device_.graphs.erase(graphKey_);
    return;
  }
  failure_.passed(cudaGraphLaunch(graph, device_.stream), "graph launch");
  sent_ = device_.inputs.used;
  received_ = true;
}

cudaGraphExec_t Call::capture(size_t inputBytes, size_t outputBytes) {
  const cudaStream_t stream = device_.stream;
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t executable = nullptr;
  // Thread-local: other threads may allocate meanwhile.
  if (!failure_.passed(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), "graph capture")) return nullptr;
  failure_.passed(cudaMemcpyAsync(device_.inputs.device, device_.inputs.host, inputBytes, cudaMemcpyHostToDevice, stream), "upload");
  for (const std::function<void()>& launch : recorded_) launch();
  failure_.passed(cudaMemcpyAsync(device_.outputs.host, device_.outputs.device, outputBytes, cudaMemcpyDeviceToHost, stream), "download");
  failure_.passed(cudaStreamEndCapture(stream, &graph), "graph capture");
  if (!failed()) failure_.passed(cudaGraphInstantiate(&executable, graph, 0), "graph");
  if (graph != nullptr) cudaGraphDestroy(graph);
  return executable;
}

int Call::finish() {
  ready();
  const Packet& outputs = device_.outputs;
  if (!failed() && outputs.used > 0 && !received_) {
    failure_.passed(cudaMemcpyAsync(outputs.host, outputs.device, outputs.used, cudaMemcpyDeviceToHost, device_.stream), "download");
  }
  if (failed() || !failure_.passed(cudaStreamSynchronize(device_.stream), "waiting for the device")) return failure_.status();
  for (const Download& each : fromDevice_) download(each.to, each.from, each.bytes);
  if (failed()) return failure_.status();
  for (const Download& each : fromPacket_) memcpy(each.to, each.from, each.bytes);
  return VLPRM_CUDA_OK;
}

}  // namespace vlprm::cuda
