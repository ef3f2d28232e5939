// One thread that runs jobs in the order in which they were submitted, for one environment (main thread or worker) and one device.
#pragma once
#include <napi.h>

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>

#include "napi/device.h"

namespace vlprm::napi {

// Made, settled and destroyed on the environment's thread; run on the executor's, where it must not touch JavaScript.
class Job {
 public:
  virtual ~Job() = default;
  virtual void run() noexcept = 0;
  // Asks run() to end soon. Any thread, any time.
  virtual void abort() noexcept = 0;
  // Fulfils or rejects the promise.
  virtual void settle(Napi::Env) = 0;
};

class Executor {
 public:
  // Jobs in flight keep the event loop alive, an idle executor does not.
  explicit Executor(Napi::Env);
  // Aborts the job that runs, drops those that wait, joins the thread.
  ~Executor();
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  void submit(Napi::Env, std::unique_ptr<Job>);

 private:
  static void settle(Napi::Env, Napi::Function, Executor*, Job*);
  typedef Napi::TypedThreadSafeFunction<Executor, Job, &Executor::settle> Settler;

  void serve();
  void stop();

  Settler settler_;
  int64_t unsettled_ = 0;  // the environment's thread only
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::unique_ptr<Job>> waiting_;
  std::unique_ptr<Job> running_;
  bool stopping_ = false;
  std::thread thread_;
};

// The environment's executor for a device, made when it is first asked for.
Executor& executor(Napi::Env, Device);

}  // namespace vlprm::napi
