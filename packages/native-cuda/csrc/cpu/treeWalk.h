// Walks through several trees in turns: while one waits for memory, the others go on.
#pragma once
#include <stdint.h>

#include "ops/trees.h"

namespace {

constexpr int IN_FLIGHT = 12;

inline int64_t treeOf(const VlprmWave& wave, int64_t index) { return wave.trees == nullptr ? index : wave.trees[index]; }

template <class T>
inline void prefetch(const T* at) {
  __builtin_prefetch(at, 1);
}

// Element [first, first + count) of an array, when that is at most two cache lines.
template <class T>
inline void prefetchRange(const T* array, int64_t first, int64_t count) {
  prefetch(array + first);
  prefetch(array + first + count - 1);
}

// Runs a Walk over each tree of wave[begin, end). Walk::start(index) begins with a tree, or returns false if nothing is to be done
// there; Walk::turn() goes one node on and returns whether the tree needs more turns.
template <class Walk>
void walkTrees(Walk prototype, int64_t begin, int64_t end) {
  Walk walks[IN_FLIGHT] = {};
  int active = 0;
  int64_t next = begin;
  const auto load = [&](Walk& walk) {
    while (next < end) {
      walk = prototype;
      if (next + IN_FLIGHT < end) walk.prefetchTree(next + IN_FLIGHT);
      if (walk.start(next++)) return true;
    }
    return false;
  };
  for (int64_t ahead = begin; ahead < end && ahead < begin + IN_FLIGHT; ++ahead) prototype.prefetchTree(ahead);
  while (active < IN_FLIGHT && load(walks[active])) ++active;
  while (active > 0) {
    for (int i = 0; i < active;) {
      if (walks[i].turn() || load(walks[i])) {
        ++i;
      } else {
        walks[i] = walks[--active];
      }
    }
  }
}

}  // namespace
