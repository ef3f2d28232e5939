#include "cpu/threads.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#if defined(__linux__)
#include <pthread.h>
#include <sched.h>
#endif

namespace vlprm::cpu {

namespace {

constexpr int MOST_THREADS = 256;

// One call's chunks. Threads take the next number until none is left.
struct Job {
  int64_t chunks;
  const Control& control;
  const std::function<void(int64_t, int)>& body;
  std::atomic<int64_t> next{0};
  std::atomic<int64_t> done{0};

  void work(int thread) {
    for (;;) {
      if (control.aborted()) return;
      const int64_t chunk = next.fetch_add(1, std::memory_order_relaxed);
      if (chunk >= chunks) return;
      body(chunk, thread);
      done.fetch_add(1, std::memory_order_relaxed);
    }
  }
};

// Waits for `done` without sleeping, for about as long as waking a sleeping thread takes (tens of microseconds).
template <class Done>
bool spinUntil(Done done) {
  constexpr auto PATIENCE = std::chrono::microseconds(30);
  const auto end = std::chrono::steady_clock::now() + PATIENCE;
  do {
    for (int i = 0; i < 64; ++i) {
      if (done()) return true;
#if defined(__x86_64__)
      __builtin_ia32_pause();
#endif
    }
  } while (std::chrono::steady_clock::now() < end);
  return done();
}

// Helper threads, which wait for a job, first awake and then asleep. One job at a time: a second caller computes on its own
// thread meanwhile. A helper that wakes after the caller has run out of chunks goes back to sleep, and nobody waits for it.
class Pool {
 public:
  bool tryRun(Job& job, int helpers) {
    if (busy_.exchange(true, std::memory_order_acquire)) return false;
    grow(helpers);
    offer(job, helpers);
    job.work(0);
    withdraw();
    busy_.store(false, std::memory_order_release);
    return true;
  }

 private:
  void grow(int helpers) {
    try {
      while (static_cast<int>(threads_.size()) < helpers) {
        const int index = static_cast<int>(threads_.size()) + 1;
        threads_.emplace_back([this, index] { serve(index); });
      }
    } catch (const std::system_error&) {
      // The system gives no more threads: the job runs on those there are.
    }
  }

  void offer(Job& job, int helpers) {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      job_ = &job;
      helpers_ = helpers;
      offers_.fetch_add(1, std::memory_order_relaxed);
    }
    offered_.notify_all();
  }

  void withdraw() {
    std::unique_lock<std::mutex> lock(mutex_);
    job_ = nullptr;
    lock.unlock();
    if (spinUntil([this] { return working_.load(std::memory_order_acquire) == 0; })) return;
    lock.lock();
    idle_.wait(lock, [this] { return working_.load(std::memory_order_relaxed) == 0; });
  }

  void serve(int index) {
    uint64_t seen = 0;
    for (;;) {
      spinUntil([&] { return offers_.load(std::memory_order_relaxed) != seen; });
      std::unique_lock<std::mutex> lock(mutex_);
      offered_.wait(lock, [&] { return offers_.load(std::memory_order_relaxed) != seen; });
      seen = offers_.load(std::memory_order_relaxed);
      if (job_ == nullptr || index > helpers_) continue;
      Job& job = *job_;
      working_.fetch_add(1, std::memory_order_relaxed);
      lock.unlock();
      job.work(index);
      lock.lock();
      if (working_.fetch_sub(1, std::memory_order_release) == 1) idle_.notify_one();
    }
  }

  std::atomic<bool> busy_{false};
  std::mutex mutex_;  // guards what follows; the atomics are also read without it
  std::condition_variable offered_;
  std::condition_variable idle_;
  std::vector<std::thread> threads_;
  Job* job_ = nullptr;
  int helpers_ = 0;
  std::atomic<int> working_{0};
  std::atomic<uint64_t> offers_{0};
};

// Never destroyed: at exit the threads are asleep and hold nothing. After a fork the child has no threads and gets a pool of its own.
std::atomic<Pool*> current{nullptr};

Pool& pool() {
  Pool* found = current.load(std::memory_order_acquire);
  if (found != nullptr) return *found;
  Pool* made = new Pool;
  if (current.compare_exchange_strong(found, made, std::memory_order_acq_rel)) {
#if defined(__linux__)
    static std::once_flag registered;
    std::call_once(registered, [] { pthread_atfork(nullptr, nullptr, [] { current.store(nullptr, std::memory_order_release); }); });
#endif
    return *made;
  }
  delete made;
  return *found;
}

}  // namespace

int processors() {
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return std::clamp(CPU_COUNT(&set), 1, MOST_THREADS);
#endif
  return std::clamp(static_cast<int>(std::thread::hardware_concurrency()), 1, MOST_THREADS);
}

int threadsFor(const Control& control, int64_t work, int64_t grain) {
  if (control.threads > 0) return std::min(control.threads, MOST_THREADS);
  if (work < 2 * grain) return 1;
  return static_cast<int>(std::min<int64_t>(processors(), work / grain));
}

bool forEachChunk(int64_t chunks, int threads, const Control& control, const std::function<void(int64_t, int)>& body) {
  Job job{chunks, control, body};
  const int used = static_cast<int>(std::min<int64_t>(threads, chunks));
  if (used <= 1 || !pool().tryRun(job, used - 1)) job.work(0);
  return job.done.load(std::memory_order_relaxed) == chunks;
}

bool forEachRange(int64_t count, int64_t size, int threads, const Control& control, const std::function<void(int, int64_t, int64_t)>& body) {
  return forEachChunk((count + size - 1) / size, threads, control,
                      [&](int64_t chunk, int thread) { body(thread, chunk * size, std::min(count, (chunk + 1) * size)); });
}

}  // namespace vlprm::cpu
