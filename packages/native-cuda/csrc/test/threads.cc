#include "cpu/threads.h"

#include <atomic>
#include <memory>
#include <thread>

#if defined(__linux__)
#include <sys/wait.h>
#include <unistd.h>
#endif

#include "test/harness.h"

namespace vlprm::test {

namespace {

// Whether every chunk ran once, on a thread of that number that ran no other chunk at the time.
bool runsEachChunkOnce(int64_t chunks, int threads) {
  std::vector<std::atomic<int>> runs(static_cast<size_t>(chunks));
  std::vector<std::atomic<int>> busy(static_cast<size_t>(threads));
  std::atomic<bool> alone{true};
  const bool whole = cpu::forEachChunk(chunks, threads, {}, [&](int64_t chunk, int thread) {
    if (thread < 0 || thread >= threads || busy[static_cast<size_t>(thread)].fetch_add(1) != 0) alone = false;
    runs[static_cast<size_t>(chunk)].fetch_add(1);
    busy[static_cast<size_t>(thread)].fetch_sub(1);
  });
  bool once = true;
  for (const std::atomic<int>& count : runs) once = once && count == 1;
  return whole && alone && once;
}

}  // namespace

TEST_CASE("every chunk runs once, whatever the threads") {
  for (int repeat = 0; repeat < 20; ++repeat) {
    for (const int threads : {1, 2, 3, 5}) {
      for (const int64_t chunks : {0, 1, 2, 7, 1000}) CHECK(runsEachChunkOnce(chunks, threads));
    }
  }
}

TEST_CASE("ranges cover what they are cut from") {
  for (const int64_t count : {0, 1, 9, 10, 11, 100}) {
    std::atomic<int64_t> sum{0};
    CHECK(cpu::forEachRange(count, 10, 3, {}, [&](int, int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) sum += i + 1;
    }));
    CHECK(sum == count * (count + 1) / 2);
  }
}

TEST_CASE("callers on several threads do not wait for one another") {
  std::atomic<int> whole{0};
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 4; ++caller) {
    callers.emplace_back([&] {
      for (int repeat = 0; repeat < 50; ++repeat) whole += runsEachChunkOnce(64, 3) ? 1 : 0;
    });
  }
  for (std::thread& caller : callers) caller.join();
  CHECK(whole == 4 * 50);
}

TEST_CASE("a chunk may itself be cut into chunks") {
  std::atomic<int> whole{0};
  CHECK(cpu::forEachChunk(8, 3, {}, [&](int64_t, int) { whole += runsEachChunkOnce(8, 3) ? 1 : 0; }));
  CHECK(whole == 8);
}

TEST_CASE("no chunk begins after an abort") {
  for (const int threads : {1, 3}) {
    std::atomic<int32_t> abort{0};
    std::atomic<int> begun{0};
    const cpu::Control control = {threads, &abort};
    CHECK(!cpu::forEachChunk(100'000, threads, control, [&](int64_t, int) {
      if (begun.fetch_add(1) == 10) abort = 1;
    }));
    CHECK(begun >= 11 && begun <= 10 + threads + 1);
    CHECK(!cpu::forEachChunk(1, threads, control, [&](int64_t, int) { begun = -1; }));
    CHECK(begun >= 0);
  }
}

TEST_CASE("the number of threads follows the work, unless it is given") {
  CHECK(cpu::threadsFor({}, 10, 1000) == 1);
  CHECK(cpu::threadsFor({}, int64_t{1} << 50, 1) == cpu::processors());
  CHECK(cpu::threadsFor({7}, 10, 1000) == 7);
}

// The thread sanitizer forbids threads after a fork.
#if defined(__linux__) && !defined(__SANITIZE_THREAD__)
TEST_CASE("a forked process has threads of its own") {
  CHECK(runsEachChunkOnce(64, 3));
  const pid_t child = fork();
  if (child == 0) _exit(runsEachChunkOnce(64, 3) ? 0 : 1);
  int status = -1;
  CHECK(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}
#endif

}  // namespace vlprm::test
