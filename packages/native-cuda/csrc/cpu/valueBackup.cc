#include "cpu/kernels.h"
#include "cpu/treeWalk.h"

namespace {

// Rounds to a multiple of 2^-30, ties to even: the last bit of a number in [2^22, 2^23) is worth that much.
inline double onGrid(double value) {
  constexpr double MAGIC = 0x1.8p22;
  return (value + MAGIC) - MAGIC;
}

inline uint32_t gridUnits(double value) { return static_cast<uint32_t>(static_cast<int64_t>((value + 1.0) * 0x1p30)); }

inline uint32_t larger(uint32_t a, uint32_t b) { return a > b ? a : b; }

// Backs the values of one tree up, leaf by leaf, a node a turn.
template <bool VALUES>
struct Paths {
  const VlprmValueBackup* op;
  int64_t base;
  int64_t entry;
  int64_t end;
  int32_t node;
  int32_t height;  // edges from the leaf

  void prefetchNode(int64_t at) const {
    prefetch(op->trees.uplinks + at);
    prefetch(op->trees.edges + at);
    if (VALUES) prefetch(op->trees.valueSum + at);
  }

  void prefetchTree(int64_t index) const {
    const int32_t leaf = op->wave.leaves[index * op->wave.leavesPerTree];
    prefetchNode(treeOf(op->wave, index) * op->trees.stride + (leaf < 0 ? 0 : leaf));
  }

  bool start(int64_t index) {
    base = treeOf(op->wave, index) * op->trees.stride;
    entry = index * op->wave.leavesPerTree - 1;
    end = entry + 1 + op->wave.leavesPerTree;
    return nextLeaf();
  }

  bool nextLeaf() {
    do {
      if (++entry == end) return false;
      node = op->wave.leaves[entry];
    } while (node < 0);
    height = 0;
    return true;
  }

  bool turn() {
    const VlprmTrees& trees = op->trees;
    const int64_t at = base + node;
    VlprmEdge& edge = trees.edges[at];
    VlprmUplink& uplink = trees.uplinks[at];
    edge.virtualVisits -= op->pending;
    if (VALUES) {
      const double value = onGrid(op->discount == nullptr ? op->values[entry] : op->values[entry] * op->discount[height]);
      ++edge.visits;
      trees.valueSum[at] += value;
      uplink.valueMax = larger(uplink.valueMax, gridUnits(value));
    }
    if (node == 0) return nextLeaf();
    node = uplink.parent;
    ++height;
    prefetchNode(base + node);
    return true;
  }
};

// What the leaves below a node, and the node itself, bring.
struct Deposit {
  double sum;
  uint32_t max;
  int32_t visits;

  void add(const Deposit& other) {
    sum += other.sum;
    max = larger(max, other.max);
    visits += other.visits;
  }
};

// Without a discount a node gets the sum of what its children get, so one pass from the last node to the root does for all leaves.
// `deposits` [stride] is all zeros before and after.
void sweep(const VlprmValueBackup& op, int64_t index, Deposit* deposits) {
  const VlprmTrees& trees = op.trees;
  const int64_t base = treeOf(op.wave, index) * trees.stride;
  int32_t last = -1;
  for (int64_t entry = index * op.wave.leavesPerTree; entry < (index + 1) * op.wave.leavesPerTree; ++entry) {
    const int32_t leaf = op.wave.leaves[entry];
    if (leaf < 0) continue;
    const double value = onGrid(op.values[entry]);
    deposits[leaf].add({value, gridUnits(value), 1});
    if (leaf > last) last = leaf;
  }
  for (int32_t node = last; node >= 0; --node) {
    const Deposit deposit = deposits[node];
    if (deposit.visits == 0) continue;
    deposits[node] = {};
    const int64_t at = base + node;
    VlprmUplink& uplink = trees.uplinks[at];
    trees.edges[at].visits += deposit.visits;
    trees.edges[at].virtualVisits -= op.pending * deposit.visits;
    trees.valueSum[at] += deposit.sum;
    uplink.valueMax = larger(uplink.valueMax, deposit.max);
    if (node > 0) deposits[uplink.parent].add(deposit);
  }
}

int64_t depthOf(const VlprmTrees& trees, int64_t base, int32_t node) {
  int64_t depth = 0;
  for (; node > 0; node = trees.uplinks[base + node].parent) ++depth;
  return depth;
}

// Whether the paths, judged by the first, visit about as many nodes as the tree has.
bool sweepPays(const VlprmValueBackup& op, int64_t index) {
  constexpr int64_t FEW_LEAVES = 8;
  const int64_t tree = treeOf(op.wave, index);
  const int64_t leaves = op.wave.leavesPerTree;
  if (op.values == nullptr || op.discount != nullptr || leaves < FEW_LEAVES) return false;
  const int64_t depth = depthOf(op.trees, tree * op.trees.stride, op.wave.leaves[index * leaves]);
  return 2 * leaves * (depth + 1) > op.trees.size[tree];
}

}  // namespace

namespace vlprm::cpu::VLPRM_ISA {

void valueBackup(const VlprmValueBackup& op, int64_t begin, int64_t end, char* scratch) {
  Deposit* deposits = reinterpret_cast<Deposit*>(scratch);
  int64_t index = begin;
  while (index < end) {
    const int64_t walkFrom = index;
    while (index < end && !sweepPays(op, index)) ++index;
    if (op.values == nullptr) {
      walkTrees(Paths<false>{&op, 0, 0, 0, 0, 0}, walkFrom, index);
    } else {
      walkTrees(Paths<true>{&op, 0, 0, 0, 0, 0}, walkFrom, index);
    }
    for (; index < end && sweepPays(op, index); ++index) sweep(op, index, deposits);
  }
}

}  // namespace vlprm::cpu::VLPRM_ISA
