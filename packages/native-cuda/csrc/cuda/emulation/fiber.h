// A stack that can be left and entered again: one per emulated CUDA thread.
#pragma once
#include <stddef.h>

#include <memory>

namespace vlprm::simt {

class Fiber {
 public:
  Fiber();
  ~Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  // Makes the next resume() call entry(argument). The fiber may be used again once entry has called leave().
  void begin(void (*entry)(void*), void* argument);
  // Caller of the fiber: runs it until it suspends or leaves.
  void resume();
  // From within the fiber: returns to the caller of resume().
  void suspend();
  // From within the fiber, as the last thing that entry does.
  [[noreturn]] void leave();

 private:
  struct Context;
  static void start(Context&);
  std::unique_ptr<Context> context_;
};

}  // namespace vlprm::simt
