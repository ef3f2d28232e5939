#include "napi/executor.h"

#include <array>
#include <system_error>
#include <utility>

namespace vlprm::napi {

namespace {

struct Executors {
  std::array<std::unique_ptr<Executor>, DEVICES> of;
};

}  // namespace

Executor::Executor(Napi::Env env) : settler_(Settler::New(env, "vlprm", 0, 1, this)) {
  settler_.Unref(env);
  // Hooks run last in, first out: the thread has ended before Node takes the settler down.
  env.AddCleanupHook([](Executor* self) { self->stop(); }, this);
}

Executor::~Executor() { stop(); }

void Executor::submit(Napi::Env env, std::unique_ptr<Job> job) {
  if (!thread_.joinable()) thread_ = std::thread([this] { serve(); });
  if (unsettled_++ == 0) settler_.Ref(env);
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    waiting_.push_back(std::move(job));
  }
  wake_.notify_one();
}

// Without an environment (it is being torn down) the job is only destroyed.
void Executor::settle(Napi::Env env, Napi::Function, Executor* self, Job* settled) {
  const std::unique_ptr<Job> job(settled);
  if (static_cast<napi_env>(env) == nullptr) return;
  if (--self->unsettled_ == 0) self->settler_.Unref(env);
  job->settle(env);
}

void Executor::serve() {
  std::unique_lock<std::mutex> lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    if (stopping_) return;
    running_ = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    running_->run();
    lock.lock();
    settler_.NonBlockingCall(running_.release());
  }
}

void Executor::stop() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
    if (running_ != nullptr) running_->abort();
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
  waiting_.clear();
}

Executor& executor(Napi::Env env, Device device) {
  Executors* executors = env.GetInstanceData<Executors>();
  if (executors == nullptr) env.SetInstanceData(executors = new Executors);
  std::unique_ptr<Executor>& found = executors->of[device];
  if (found == nullptr) found = std::make_unique<Executor>(env);
  return *found;
}

}  // namespace vlprm::napi
