#include "cpu/threads.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
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

// Threads that sleep between jobs. One job at a time: a second caller computes on its own thread meanwhile.
class Pool {
 public:
  ~Pool() {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }

  bool tryRun(Job& job, int helpers) {
    std::unique_lock<std::mutex> lock(mutex_);
    if (job_ != nullptr) return false;
    while (static_cast<int>(threads_.size()) < helpers) {
      const int index = static_cast<int>(threads_.size()) + 1;
      threads_.emplace_back([this, index] { serve(index); });
    }
    job_ = &job;
    helpers_ = helpers;
    running_ = helpers;
    ++generation_;
    lock.unlock();
    wake_.notify_all();
    job.work(0);
    lock.lock();
    idle_.wait(lock, [this] { return running_ == 0; });
    job_ = nullptr;
    return true;
  }

 private:
  void serve(int index) {
    uint64_t seen = 0;
    std::unique_lock<std::mutex> lock(mutex_);
    for (;;) {
      wake_.wait(lock, [&] { return stopping_ || (generation_ != seen && job_ != nullptr); });
      if (stopping_) return;
      seen = generation_;
      if (index > helpers_) continue;
      Job& job = *job_;
      lock.unlock();
      job.work(index);
      lock.lock();
      if (--running_ == 0) idle_.notify_one();
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable idle_;
  std::vector<std::thread> threads_;
  Job* job_ = nullptr;
  int helpers_ = 0;
  int running_ = 0;
  uint64_t generation_ = 0;
  bool stopping_ = false;
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

}  // namespace vlprm::cpu
