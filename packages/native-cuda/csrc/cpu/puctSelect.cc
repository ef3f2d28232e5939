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

// The children [at, at + 4) of the arrays, field by field.
struct FourChildren {
  typedef Numbers Number;
  Number visits, pending, prior;

  FourChildren(const VlprmTrees& trees, int64_t at) {
    Integers edges[CHILDREN];
    memcpy(edges, trees.edges + at, sizeof edges);
    const Integers lower01 = __builtin_shuffle(edges[0], edges[1], Integers{0, 4, 1, 5});
    const Integers lower23 = __builtin_shuffle(edges[2], edges[3], Integers{0, 4, 1, 5});
    const Integers upper01 = __builtin_shuffle(edges[0], edges[1], Integers{2, 6, 3, 7});
    const Integers upper23 = __builtin_shuffle(edges[2], edges[3], Integers{2, 6, 3, 7});
    visits = __builtin_convertvector(__builtin_shuffle(lower01, lower23, Integers{0, 1, 4, 5}), Numbers);
    pending = __builtin_convertvector(__builtin_shuffle(lower01, lower23, Integers{2, 3, 6, 7}), Numbers);
    prior = __builtin_convertvector((Floats)__builtin_shuffle(upper01, upper23, Integers{0, 1, 4, 5}), Numbers);
  }
  static Number sums(const VlprmTrees& trees, int64_t at) {
    Numbers loaded;
    memcpy(&loaded, trees.valueSum + at, sizeof loaded);
    return loaded;
  }
  static Number units(const VlprmTrees& trees, int64_t at) {
    const VlprmUplink* uplinks = trees.uplinks + at;
    return Numbers{(double)uplinks[0].valueMax, (double)uplinks[1].valueMax, (double)uplinks[2].valueMax, (double)uplinks[3].valueMax};
  }
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
  Number visits, pending, prior;

  OneChild(const VlprmTrees& trees, int64_t at)
      : visits(trees.edges[at].visits), pending(trees.edges[at].virtualVisits), prior(trees.edges[at].prior) {}
  static Number sums(const VlprmTrees& trees, int64_t at) { return trees.valueSum[at]; }
  static Number units(const VlprmTrees& trees, int64_t at) { return trees.uplinks[at].valueMax; }
  static Number pick(bool condition, double chosen, Number other) { return condition ? chosen : other; }
  static Number root(Number x) { return __builtin_sqrt(x); }
};

// Sum of the values, or the largest as often as there are real visits.
template <int NODE_VALUE, class Children>
inline typename Children::Number valueSum(const Children& children, const VlprmTrees& trees, int64_t at) {
  if (NODE_VALUE == VLPRM_MEAN_VALUE) return Children::sums(trees, at);
  return (Children::units(trees, at) * 0x1p-30 - 1.0) * children.visits;
}

template <class Children, int EXPLORATION, int NODE_VALUE>
inline typename Children::Number scores(const VlprmPuctSelect& op, int64_t at, double factor, double firstPlay) {
  const Children children(op.trees, at);
  const auto total = children.visits + children.pending;
  const auto value = (valueSum<NODE_VALUE>(children, op.trees, at) + children.pending * op.virtualValue) / total;
  if (EXPLORATION == VLPRM_UCT) return Children::pick(total == 0.0, INFINITY, value + Children::root(factor / total));
  return Children::pick(total == 0.0, firstPlay, value) + children.prior * factor / (total + 1.0);
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
    prefetch(trees.edges + root);
    prefetch(trees.edges + root + CHILDREN);
    prefetch(trees.valueSum + root);
    prefetch(trees.childCount + root);
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
    const int32_t first = trees.edges[at].firstChild;
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
    ++trees.edges[at].virtualVisits;
    return entry < end;
  }

  int32_t bestChild(int64_t parent, int64_t first, int32_t count) const {
    const double factor = op->factor[op->trees.edges[parent].visits + op->trees.edges[parent].virtualVisits];
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
    const OneChild node(op->trees, at);
    const double total = node.visits + node.pending;
    return total == 0 ? 0 : (valueSum<NODE_VALUE>(node, op->trees, at) + node.pending * op->virtualValue) / total;
  }

  void prefetchChildren() const {
    const VlprmTrees& trees = op->trees;
    const int32_t first = trees.edges[base + node].firstChild;
    if (first <= 0) return;
    const int64_t at = base + first;
    const int64_t count = trees.childCount[base + node];
    prefetchRange(trees.edges, at, count);
    NODE_VALUE == VLPRM_MEAN_VALUE ? prefetchRange(trees.valueSum, at, count) : prefetchRange(trees.uplinks, at, count);
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
