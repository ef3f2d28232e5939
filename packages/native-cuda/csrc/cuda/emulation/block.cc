// Runs the blocks of a launch: fibers of one block at a time, warp by warp.
#include <stdio.h>
#include <stdlib.h>

#include <memory>
#include <vector>

#include "cuda/emulation/fiber.h"
#include "cuda/emulation/launch.h"

uint3 threadIdx;
uint3 blockIdx;
dim3 blockDim;
dim3 gridDim;

namespace vlprm::simt {

char* dynamicShared;

namespace {

struct Thread {
  uint3 index;
  Wait wait;
  unsigned mask;    // lanes that the wait is for
  unsigned source;  // lane that a shuffle reads
  uint64_t value;   // given to the others
  uint64_t result;
  bool ended;
};

constexpr uint8_t UNWRITTEN = 0xa5;

struct Runner {
  std::vector<std::unique_ptr<Fiber>> fibers;  // grown on demand, kept
  std::vector<Thread> threads;
  size_t running = 0;
  const std::function<void()>* kernel = nullptr;
  bool backwards = true;
};

Runner& runner() {
  static Runner& one = *new Runner;  // never destroyed: a process may end while fibers are suspended
  return one;
}

Thread& self() { return runner().threads[runner().running]; }
Fiber& fiber() { return *runner().fibers[runner().running]; }

void runThread(void*) {
  (*runner().kernel)();
  self().ended = true;
  fiber().leave();
}

// Its lanes that the block has.
struct Warp {
  Thread* lanes;
  unsigned count;
};

Warp warpOf(size_t thread) {
  std::vector<Thread>& threads = runner().threads;
  const size_t first = thread / WARP_LANES * WARP_LANES;
  const size_t rest = threads.size() - first;
  return {threads.data() + first, rest < WARP_LANES ? static_cast<unsigned>(rest) : WARP_LANES};
}

const char* nameOf(Wait wait) {
  switch (wait) {
    case Wait::BARRIER: return "__syncthreads";
    case Wait::WARP: return "__syncwarp";
    case Wait::SHUFFLE: return "a shuffle";
    case Wait::BALLOT: return "a ballot";
    default: return "nothing";
  }
}

[[noreturn]] void fail(const char* what) {
  fprintf(stderr, "SIMT emulation: %s in block (%u, %u), blocks of (%u, %u, %u) threads\n", what, blockIdx.x, blockIdx.y, blockDim.x, blockDim.y,
          blockDim.z);
  int shown = 0;
  for (const Thread& thread : runner().threads) {
    if (thread.ended || shown++ >= 8) continue;
    fprintf(stderr, "  thread (%u, %u) waits at %s, mask %08x\n", thread.index.x, thread.index.y, nameOf(thread.wait), thread.mask);
  }
  abort();
}

void resolve(Warp warp, Wait wait, unsigned mask) {
  uint64_t ballot = 0;
  for (unsigned k = 0; k < warp.count; ++k) {
    if (mask >> k & 1) ballot |= (warp.lanes[k].value & 1) << k;
  }
  for (unsigned k = 0; k < warp.count; ++k) {
    if ((mask >> k & 1) == 0) continue;
    Thread& thread = warp.lanes[k];
    if (wait == Wait::SHUFFLE) {
      if ((mask >> thread.source & 1) == 0) fail("a shuffle reads a lane that its mask leaves out");
      thread.result = warp.lanes[thread.source].value;
    } else {
      thread.result = ballot;
    }
  }
  for (unsigned k = 0; k < warp.count; ++k) {
    if (mask >> k & 1) warp.lanes[k].wait = Wait::NONE;
  }
}

void runWarp(Warp warp) {
  Runner& all = runner();
  for (bool again = true; again;) {
    again = false;
    for (unsigned k = 0; k < warp.count; ++k) {
      const Thread& thread = warp.lanes[all.backwards ? warp.count - 1 - k : k];
      if (thread.ended || thread.wait != Wait::NONE) continue;
      all.running = static_cast<size_t>(&thread - all.threads.data());
      threadIdx = thread.index;
      fiber().resume();
      again = true;
    }
  }
}

// Lets the threads that have not ended go on; false when there are none.
bool releaseBarrier() {
  bool alive = false;
  for (const Thread& thread : runner().threads) {
    if (thread.ended) continue;
    alive = true;
    if (thread.wait != Wait::BARRIER) fail("deadlock");
  }
  for (Thread& thread : runner().threads) thread.wait = Wait::NONE;
  return alive;
}

void runBlock() {
  Runner& all = runner();
  for (size_t t = 0; t < all.threads.size(); ++t) {
    const unsigned at = static_cast<unsigned>(t);
    all.threads[t] = {{at % blockDim.x, at / blockDim.x % blockDim.y, at / (blockDim.x * blockDim.y)}, Wait::NONE, 0, 0, 0, 0, false};
    all.fibers[t]->begin(runThread, nullptr);
  }
  const size_t warps = (all.threads.size() + WARP_LANES - 1) / WARP_LANES;
  do {
    for (size_t w = 0; w < warps; ++w) runWarp(warpOf((all.backwards ? warps - 1 - w : w) * WARP_LANES));
  } while (releaseBarrier());
}

}  // namespace

unsigned lane() { return static_cast<unsigned>(runner().running % WARP_LANES); }

void barrier() {
  self().wait = Wait::BARRIER;
  fiber().suspend();
}

uint64_t collective(Wait wait, unsigned mask, uint64_t value, unsigned source) {
  Thread& thread = self();
  const Warp warp = warpOf(runner().running);
  if (warp.count < WARP_LANES) mask &= (1u << warp.count) - 1;
  thread.wait = wait;
  thread.mask = mask;
  thread.value = value;
  thread.source = source;
  if ((mask >> lane() & 1) == 0) fail("a thread calls a warp operation whose mask leaves it out");
  bool complete = true;
  for (unsigned k = 0; k < warp.count && complete; ++k) {
    if ((mask >> k & 1) == 0) continue;
    const Thread& other = warp.lanes[k];
    if (other.ended) fail("a warp operation waits for a thread that has ended");
    complete = other.wait == wait && other.mask == mask;
  }
  if (complete) {
    resolve(warp, wait, mask);
  } else {
    fiber().suspend();
  }
  return thread.result;
}

void runGrid(const Launch& launch, const std::function<void()>& kernel) {
  Runner& all = runner();
  const size_t threads = size_t{launch.block.x} * launch.block.y * launch.block.z;
  while (all.fibers.size() < threads) all.fibers.push_back(std::make_unique<Fiber>());
  all.threads.resize(threads);
  all.kernel = &kernel;
  all.backwards = !all.backwards;
  std::unique_ptr<uint4[]> shared(new uint4[(launch.sharedBytes + sizeof(uint4) - 1) / sizeof(uint4)]);
  blockDim = launch.block;
  gridDim = launch.grid;
  dynamicShared = reinterpret_cast<char*>(shared.get());
  const uint64_t blocks = uint64_t{launch.grid.x} * launch.grid.y * launch.grid.z;
  for (uint64_t b = 0; b < blocks; ++b) {
    const uint64_t at = all.backwards ? blocks - 1 - b : b;
    blockIdx = {static_cast<unsigned>(at % launch.grid.x), static_cast<unsigned>(at / launch.grid.x % launch.grid.y),
                   static_cast<unsigned>(at / launch.grid.x / launch.grid.y)};
    memset(dynamicShared, UNWRITTEN, launch.sharedBytes);
    runBlock();
  }
}

}  // namespace vlprm::simt
