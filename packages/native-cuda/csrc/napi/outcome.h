#pragma once
#include <napi.h>

#include <string>

#include "cuda/module.h"

namespace vlprm::napi {

// What became of a computation; made without touching JavaScript, so any thread may.
struct Outcome {
  const char* code = nullptr;  // null when it succeeded
  std::string message;
};

inline Outcome cudaOutcome(int status, const char* error) {
  if (status == VLPRM_CUDA_OK) return {};
  return {status == VLPRM_CUDA_OUT_OF_MEMORY ? "ERR_VLPRM_OOM" : "ERR_VLPRM_DEVICE", error};
}

inline Napi::Error codedError(Napi::Env env, const Outcome& outcome) {
  Napi::Error error = Napi::Error::New(env, outcome.message);
  error.Set("code", Napi::String::New(env, outcome.code));
  return error;
}

}  // namespace vlprm::napi
