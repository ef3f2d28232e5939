// The lab: for each op, versions from naive to fast, each checked against float64 before it is timed. The fast one is the production
// kernel, included from csrc/cuda/<op>.cu. An op has one file here, with one function that the table in main.cc lists:
//
//   void lab::half(Lab& lab) {
//     ...small shapes; lab.expect(near, "half naive")...
//     if (!lab.timing()) return;
//     lab.measure("half", "naive", "1e6", bytes, sets, [&](int set, cudaStream_t stream) { lab.did(launch(...), "half naive"); });
//   }
#pragma once
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "cuda/runtime.h"

namespace vlprm::cuda {

struct LabRow {
  std::string op;
  std::string version;
  std::string shape;
  double bytes;         // read and written by one run, as the op defines its floor
  double microseconds;  // of one run, median of the replays
  double spread;        // (largest - smallest) / median of the replays
};

class Lab {
 public:
  Lab(bool timing, std::string only);

  bool timing() const { return timing_; }
  bool wants(const std::string& op) const { return only_.empty() || op == only_; }
  cudaStream_t stream() const { return stream_; }

  // Counts a check and says which failed.
  void expect(bool holds, const std::string& what);
  // The CUDA call or launch succeeded.
  void did(cudaError_t status, const std::string& what) { expect(status == cudaSuccess, what + ": " + cudaGetErrorName(status)); }
  int failures() const { return failures_; }
  int checks() const { return checks_; }

  // Times run(set, stream), which launches one run on input set `set`. The sets go round, so that together they do not fit the cache:
  // see setsFor(). All rounds are captured in one graph; the median of its replays counts.
  void measure(const std::string& op, const std::string& version, const std::string& shape, double bytes, int sets,
               const std::function<void(int set, cudaStream_t stream)>& run);
  // Input sets of this size that are together larger than any cache; 1 for large ones.
  static int setsFor(double bytes);

  const std::vector<LabRow>& rows() const { return rows_; }

 private:
  bool timing_;
  std::string only_;
  cudaStream_t stream_ = nullptr;
  int checks_ = 0;
  int failures_ = 0;
  std::vector<LabRow> rows_;
};

// Device memory of the lab, freed at the end of its scope.
template <class T>
class LabArray {
 public:
  LabArray(Lab& lab, size_t count) : lab_(lab), count_(count) {
    void* memory = nullptr;
    lab.did(cudaMalloc(&memory, (count == 0 ? 1 : count) * sizeof(T)), "memory");
    memory_ = static_cast<T*>(memory);
  }
  LabArray(Lab& lab, const std::vector<T>& values) : LabArray(lab, values.size()) { write(values, 0); }
  ~LabArray() { cudaFree(memory_); }
  LabArray(const LabArray&) = delete;
  LabArray& operator=(const LabArray&) = delete;

  T* get() const { return memory_; }
  void write(const std::vector<T>& values, size_t at) {
    lab_.did(cudaMemcpyAsync(memory_ + at, values.data(), values.size() * sizeof(T), cudaMemcpyHostToDevice, lab_.stream()), "upload");
    lab_.did(cudaStreamSynchronize(lab_.stream()), "upload");
  }
  std::vector<T> read() const {
    std::vector<T> values(count_);
    lab_.did(cudaMemcpyAsync(values.data(), memory_, count_ * sizeof(T), cudaMemcpyDeviceToHost, lab_.stream()), "download");
    lab_.did(cudaStreamSynchronize(lab_.stream()), "download");
    return values;
  }
  // So that an element that a kernel leaves out shows.
  void poison() { lab_.did(cudaMemsetAsync(memory_, 0xff, count_ * sizeof(T), lab_.stream()), "poison"); }

 private:
  Lab& lab_;
  size_t count_;
  T* memory_ = nullptr;
};

// One per op.
namespace lab {
void stepScore(Lab&);
void stepLoss(Lab&);
void adamw(Lab&);
void mcLabels(Lab&);
void puctSelect(Lab&);
void valueBackup(Lab&);
}

inline std::vector<float> labNormals(unsigned seed, size_t count, double scale) {
  std::mt19937 random(seed);
  std::normal_distribution<double> normal(0, scale);
  std::vector<float> values(count);
  for (float& value : values) value = static_cast<float>(normal(random));
  return values;
}

}  // namespace vlprm::cuda
