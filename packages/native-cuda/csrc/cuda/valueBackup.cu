#include "ops/valueBackup.h"

#include "cuda/trees.h"

namespace vlprm::cuda {

namespace {

// --- kernels ----------------------------------------------------------------------------------------------------------

// Rounds to a multiple of 2^-30, ties to even: the last bit of a number in [2^22, 2^23) is worth that much.
__device__ __forceinline__ double onGrid(double value) {
  constexpr double MAGIC = 0x1.8p22;
  return (value + MAGIC) - MAGIC;
}

__device__ __forceinline__ uint32_t gridUnits(double value) { return static_cast<uint32_t>((value + 1.0) * 0x1p30); }

__device__ __forceinline__ double valueAt(const VlprmValueBackup& op, int64_t entry, int32_t height) {
  return onGrid(op.discount == nullptr ? op.values[entry] : op.values[entry] * op.discount[height]);
}

// A thread per leaf. Sums of grid values are exact, so the order in which the atomic additions arrive does not matter.
__global__ void backUpPaths(const VlprmValueBackup op) {
  const int64_t entry = globalThread();
  if (entry >= op.wave.count * op.wave.leavesPerTree || op.wave.leaves[entry] < 0) return;
  const int64_t base = treeOf(op.wave, entry / op.wave.leavesPerTree) * op.trees.stride;
  int32_t height = 0;
  for (int32_t node = op.wave.leaves[entry]; node >= 0; ++height) {
    const int64_t at = base + node;
    node = op.trees.uplinks[at].parent;
    if (op.pending) atomicAdd(&op.trees.edges[at].virtualVisits, -1);
    if (op.values == nullptr) continue;
    const double value = valueAt(op, entry, height);
    atomicAdd(&op.trees.edges[at].visits, 1);
    atomicAdd(&op.trees.valueSum[at], value);
    atomicMax(&op.trees.uplinks[at].valueMax, gridUnits(value));
  }
}

// What the leaves of a tree bring its nodes, in the shared memory of the tree's block.
struct Deposits {
  double* sum;
  uint32_t* max;
  int32_t* visits;
  int32_t* parent;

  static constexpr int64_t BYTES = 20;  // a node
  __device__ Deposits(double* memory, int64_t nodes)
      : sum(memory),
        max(reinterpret_cast<uint32_t*>(sum + nodes)),
        visits(reinterpret_cast<int32_t*>(max + nodes)),
        parent(visits + nodes) {}
};

// A block per tree: parents are read once, in order; paths are walked in shared memory; every node is written once.
__global__ void backUpTrees(const VlprmValueBackup op) {
  DYNAMIC_SHARED(double, memory);
  const Deposits deposits(memory, op.trees.stride);
  const int64_t tree = treeOf(op.wave, blockIdx.x);
  const int64_t base = tree * op.trees.stride;
  const int32_t size = op.trees.size[tree];
  for (int32_t node = static_cast<int32_t>(threadIdx.x); node < size; node += static_cast<int32_t>(blockDim.x)) {
    deposits.sum[node] = 0;
    deposits.max[node] = 0;
    deposits.visits[node] = 0;
    deposits.parent[node] = op.trees.uplinks[base + node].parent;
  }
  __syncthreads();
  for (int64_t leaf = threadIdx.x; leaf < op.wave.leavesPerTree; leaf += blockDim.x) {
    const int64_t entry = blockIdx.x * op.wave.leavesPerTree + leaf;
    int32_t height = 0;
    for (int32_t node = op.wave.leaves[entry]; node >= 0; node = deposits.parent[node], ++height) {
      const double value = valueAt(op, entry, height);
      atomicAdd(&deposits.visits[node], 1);
      atomicAdd(&deposits.sum[node], value);
      atomicMax(&deposits.max[node], gridUnits(value));
    }
  }
  __syncthreads();
  for (int32_t node = static_cast<int32_t>(threadIdx.x); node < size; node += static_cast<int32_t>(blockDim.x)) {
    if (deposits.visits[node] == 0) continue;
    VlprmEdge& edge = op.trees.edges[base + node];
    uint32_t& largest = op.trees.uplinks[base + node].valueMax;
    edge.visits += deposits.visits[node];
    edge.virtualVisits -= op.pending * deposits.visits[node];
    op.trees.valueSum[base + node] += deposits.sum[node];
    if (deposits.max[node] > largest) largest = deposits.max[node];
  }
}

// --- launchers --------------------------------------------------------------------------------------------------------

// Many leaves a tree share most of their paths' upper nodes, and shared memory takes their additions better than the second cache.
bool sharesPaths(const VlprmValueBackup& op, size_t sharedLimit) {
  constexpr int64_t MANY_LEAVES = 16;
  const size_t bytes = static_cast<size_t>(op.trees.stride * Deposits::BYTES);
  return op.values != nullptr && op.wave.leavesPerTree >= MANY_LEAVES && bytes <= sharedLimit;
}

}  // namespace

int valueBackup(VlprmValueBackup* op, char* error, size_t errorSize) {
  constexpr unsigned BLOCK = 128;
  Call call(error, errorSize);
  const int64_t leaves = op->wave.count * op->wave.leavesPerTree;
  VlprmValueBackup device = *op;
  device.trees = deviceTrees(call, op->trees);
  device.wave = deviceWave(call, op->wave);
  device.values = call.in(op->values, op->values == nullptr ? 0 : leaves);
  device.discount = call.in(op->discount, op->discount == nullptr ? 0 : op->trees.stride);
  if (sharesPaths(*op, call.sharedLimit())) {
    const Grid grid = {static_cast<unsigned>(op->wave.count < 1 ? 1 : op->wave.count), BLOCK, static_cast<size_t>(op->trees.stride * Deposits::BYTES)};
    if (op->wave.count > 0) call.launch("backup, a block per tree", grid, backUpTrees, device);
  } else {
    call.launch("backup, a thread per leaf", {blocksFor(leaves, BLOCK), BLOCK}, backUpPaths, device);
  }
  return call.finish();
}

}  // namespace vlprm::cuda
