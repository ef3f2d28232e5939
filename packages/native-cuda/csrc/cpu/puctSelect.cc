#include <math.h>
#include <string.h>

#include "cpu/kernels.h"
#include "cpu/treeWalk.h"

namespace {

// Four children at a time. Only + - * / and square roots of float64, in the order of src/js/puctSelect.ts, so that the bits agree.
constexpr int CHILDREN = 4;
typedef double Numbers __attribute__((vector_size(CHILDREN * sizeof(double))));
typedef int64_t Conditions __attribute__((vector_size(CHILDREN * sizeof(double))));
typedef float Floats __attribute__((vector_size(CHILDREN * sizeof(float))));
typedef int32_t Integers __attribute__((vector_size(CHILDREN * sizeof(int32_t))));
typedef uint32_t Naturals __attribute__((vector_size(CHILDREN * sizeof(uint32_t))));

struct FourChildren {
  typedef Numbers Number;
  template <class Vector, class T>
  static Number load(const T* from) {
    Vector loaded;
    memcpy(&loaded, from, sizeof loaded);
    return __builtin_convertvector(loaded, Numbers);
  }
  static Number priors(const float* from) { return load<Floats>(from); }
  static Number counts(const int32_t* from) { return load<Integers>(from); }
  static Number units(const uint32_t* from) { return load<Naturals>(from); }
  static Number sums(const double* from) { return load<Numbers>(from); }
  static Number pick(Conditions condition, double chosen, Number other) {
    const Number all = {chosen, chosen, chosen, chosen};
    return (Number)((condition & (Conditions)all) | (~condition & (Conditions)other));
  }
  static Number root(Number x) {
    for (int i = 0; i < CHILDREN; ++i) x[i] = __builtin_sqrt(x[i]);
    return x;
  }
};

struct OneChild {
  typedef double Number;
  static Number priors(const float* from) { return *from; }
  static Number counts(const int32_t* from) { return *from; }
  static Number units(const uint32_t* from) { return *from; }
  static Number sums(const double* from) { return *from; }
  static Number pick(bool condition, double chosen, Number other) { return condition ? chosen : other; }
  static Number root(Number x) { return __builtin_sqrt(x); }
};

template <class Children, int NODE_VALUE>
inline typename Children::Number valueSum(const VlprmTrees& trees, int64_t at) {
  if (NODE_VALUE == VLPRM_MEAN_VALUE) return Children::sums(trees.valueSum + at);
  return (Children::units(trees.valueMax + at) * 0x1p-30 - 1.0) * Children::counts(trees.visits + at);
}

template <class Children, int EXPLORATION, int NODE_VALUE>
inline typename Children::Number scores(const VlprmPuctSelect& op, int64_t at, double factor, double firstPlay) {
  const auto pending = Children::counts(op.trees.virtualVisits + at);
  const auto total = Children::counts(op.trees.visits + at) + pending;
  const auto value = (valueSum<Children, NODE_VALUE>(op.trees, at) + pending * op.virtualValue) / total;
  if (EXPLORATION == VLPRM_UCT) return Children::pick(total == 0.0, INFINITY, value + Children::root(factor / total));
  return Children::pick(total == 0.0, firstPlay, value) + Children::priors(op.trees.prior + at) * factor / (total + 1.0);
}

struct Best {
  double score;
  int32_t child;

  void offer(double offered, int32_t at) {
    const bool better = offered > score;
    score = better ? offered : score;
    child = better ? at : child;
  }
};

template <int EXPLORATION, int NODE_VALUE>
struct Descents {
  const VlprmPuctSelect* op;
  int64_t base;   // first element of the tree
  int64_t entry;  // of the wave: where the next leaf goes
  int64_t end;
  int32_t node;
  int32_t depth;

  void prefetchTree(int64_t index) const {
    const VlprmTrees& trees = op->trees;
    const int64_t root = treeOf(op->wave, index) * trees.stride;
    prefetch(trees.firstChild + root);
    prefetch(trees.childCount + root);
    prefetch(trees.visits + root);
    prefetch(trees.virtualVisits + root);
    prefetch(trees.valueSum + root);
    prefetch(trees.prior + root);
  }

  bool start(int64_t index) {
    base = treeOf(op->wave, index) * op->trees.stride;
    entry = index * op->wave.leavesPerTree;
    end = entry + op->wave.leavesPerTree;
    if (op->reserve > 0) end = roomFor(op->trees.size[treeOf(op->wave, index)]);
    node = 0;
    depth = 0;
    return entry < end;
  }

  // Marks the entries that the tree has no room for; returns the end of the others.
  int64_t roomFor(int32_t size) {
    const int64_t room = (op->capacity - size) / op->reserve;
    const int64_t last = entry + room < end ? entry + room : end;
    for (int64_t none = last; none < end; ++none) {
      op->wave.leaves[none] = -1;
      op->depths[none] = -1;
    }
    return last;
  }

  bool turn() {
    const VlprmTrees& trees = op->trees;
    const int64_t at = base + node;
    const int32_t first = trees.firstChild[at];
    if (first > 0) {
      node = first + bestChild(at, base + first, trees.childCount[at]);
      ++depth;
      prefetchChildren();
    } else {
      op->wave.leaves[entry] = node;
      op->depths[entry] = depth;
      ++entry;
      node = 0;
      depth = 0;
    }
    ++trees.virtualVisits[at];
    return entry < end;
  }

  int32_t bestChild(int64_t parent, int64_t first, int32_t count) const {
    const VlprmTrees& trees = op->trees;
    const double factor = op->factor[trees.visits[parent] + trees.virtualVisits[parent]];
    const double firstPlay = op->belowParent ? valueOf(parent) - op->firstPlay : op->firstPlay;
    Best best = {-INFINITY, 0};
    int32_t child = 0;
    for (; child + CHILDREN <= count; child += CHILDREN) {
      const Numbers four = scores<FourChildren, EXPLORATION, NODE_VALUE>(*op, first + child, factor, firstPlay);
      for (int i = 0; i < CHILDREN; ++i) best.offer(four[i], child + i);
    }
    for (; child < count; ++child) best.offer(scores<OneChild, EXPLORATION, NODE_VALUE>(*op, first + child, factor, firstPlay), child);
    return best.child;
  }

  double valueOf(int64_t at) const {
    const double pending = op->trees.virtualVisits[at];
    const double total = op->trees.visits[at] + pending;
    return total == 0 ? 0 : (valueSum<OneChild, NODE_VALUE>(op->trees, at) + pending * op->virtualValue) / total;
  }

  void prefetchChildren() const {
    const VlprmTrees& trees = op->trees;
    const int32_t first = trees.firstChild[base + node];
    if (first <= 0) return;
    const int64_t at = base + first;
    const int64_t count = trees.childCount[base + node];
    NODE_VALUE == VLPRM_MEAN_VALUE ? prefetchRange(trees.valueSum, at, count) : prefetchRange(trees.valueMax, at, count);
    prefetchRange(trees.visits, at, count);
    prefetchRange(trees.virtualVisits, at, count);
    prefetchRange(trees.prior, at, count);
    prefetchRange(trees.firstChild, at, count);
    prefetchRange(trees.childCount, at, count);
  }
};

template <int EXPLORATION, int NODE_VALUE>
void select(const VlprmPuctSelect& op, int64_t begin, int64_t end) {
  walkTrees(Descents<EXPLORATION, NODE_VALUE>{&op, 0, 0, 0, 0, 0}, begin, end);
}

}  // namespace

namespace vlprm::cpu::VLPRM_ISA {

void puctSelect(const VlprmPuctSelect& op, int64_t begin, int64_t end) {
  if (op.exploration == VLPRM_PUCT) {
    op.nodeValue == VLPRM_MEAN_VALUE ? select<VLPRM_PUCT, VLPRM_MEAN_VALUE>(op, begin, end) : select<VLPRM_PUCT, VLPRM_MAX_VALUE>(op, begin, end);
  } else {
    op.nodeValue == VLPRM_MEAN_VALUE ? select<VLPRM_UCT, VLPRM_MEAN_VALUE>(op, begin, end) : select<VLPRM_UCT, VLPRM_MAX_VALUE>(op, begin, end);
  }
}

}  // namespace vlprm::cpu::VLPRM_ISA
