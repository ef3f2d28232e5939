// The whole of the test framework: named cases, checks that count, one line per failure.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "cpu/kernels.h"

namespace vlprm::test {

struct Case {
  std::string name;
  std::function<void()> run;
};

std::vector<Case>& cases();
void fail(const char* file, int line, const std::string& what);
void passed();

struct Registered {
  Registered(const char* name, std::function<void()> run) { cases().push_back({name, std::move(run)}); }
};

#define VLPRM_CONCAT_OF(a, b) a##b
#define VLPRM_CONCAT(a, b) VLPRM_CONCAT_OF(a, b)
#define TEST_CASE(name)                                                                               \
  static void VLPRM_CONCAT(testCase, __LINE__)();                                                     \
  static const vlprm::test::Registered VLPRM_CONCAT(registered, __LINE__)(name, VLPRM_CONCAT(testCase, __LINE__)); \
  static void VLPRM_CONCAT(testCase, __LINE__)()

#define CHECK(condition)                                                    \
  do {                                                                      \
    if (condition) {                                                        \
      vlprm::test::passed();                                                \
    } else {                                                                \
      vlprm::test::fail(__FILE__, __LINE__, #condition);                    \
    }                                                                       \
  } while (false)

// |actual - expected| <= tolerance, NaN equal to NaN.
#define CHECK_NEAR(actual, expected, tolerance)                                                                                  \
  do {                                                                                                                           \
    const double a_ = (actual);                                                                                                  \
    const double e_ = (expected);                                                                                                \
    if ((std::isnan(a_) && std::isnan(e_)) || std::fabs(a_ - e_) <= (tolerance)) {                                               \
      vlprm::test::passed();                                                                                                     \
    } else {                                                                                                                     \
      vlprm::test::fail(__FILE__, __LINE__, #actual " is " + std::to_string(a_) + ", expected " + std::to_string(e_)); \
    }                                                                                                                            \
  } while (false)

// Every instruction set that this machine runs.
inline std::vector<const cpu::Kernels*> everyIsa() {
  const cpu::Kernels* found[4];
  const size_t count = cpu::everyKernels(found);
  return std::vector<const cpu::Kernels*>(found, found + count);
}

inline std::vector<float> normals(std::mt19937& random, size_t size, double scale) {
  std::normal_distribution<double> normal(0, scale);
  std::vector<float> values(size);
  for (float& value : values) value = static_cast<float>(normal(random));
  return values;
}

// Scratch memory of exactly the size that a kernel asked for, so that a sanitizer sees an overrun.
class Scratch {
 public:
  explicit Scratch(size_t size) : memory_(static_cast<char*>(std::aligned_alloc(64, (size + 63) / 64 * 64))) {}
  ~Scratch() { std::free(memory_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  char* get() const { return memory_; }

 private:
  char* memory_;
};

}  // namespace vlprm::test
