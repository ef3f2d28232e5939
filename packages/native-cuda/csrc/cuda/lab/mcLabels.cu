// mcLabels: counting rollouts that lie together, and rollouts in any order, from naive to the production kernels.
#include "cuda/lab/lab.h"

#include "cuda/mcLabels.cu"

namespace vlprm::cuda {

namespace {

// --- versions before the production kernels -----------------------------------------------------------------------------

// A byte a load.
__global__ void bytePerLoad(Labels labels) {
  const VlprmMcLabels& op = labels.op;
  const int64_t step = globalThread();
  if (step >= op.steps) return;
  StepCounts counts;
  for (int64_t i = op.offsets[step]; i < op.offsets[step + 1]; ++i) {
    const uint8_t outcome = op.outcomes[i];
    counts.correct += outcome == 1;
    counts.unparsable += outcome == 2;
    counts.failed += outcome == 3;
    if (outcome > 3) meetInvalid(labels, i);
  }
  writeStep(op, step, counts, op.offsets[step + 1] - op.offsets[step]);
}

// --- one workload ---------------------------------------------------------------------------------------------------------

// `sets` batches of the same random rollouts, each with outputs of its own.
class Rollouts {
 public:
  Rollouts(Lab& lab, int64_t steps, int64_t mean, bool keyed, int sets)
      : steps(steps),
        rollouts(offsetsOf(steps, mean)),
        outcomes(lab, outcomesOf(sets)),
        offsets(lab, hostOffsets),
        keys(lab, keysOf(keyed)),
        intervals(lab, std::vector<float>(size_t{2} * VLPRM_INTERVAL_SIDE * VLPRM_INTERVAL_SIDE, 0.5f)),
        counts(lab, static_cast<size_t>(4 * steps * sets)),
        values(lab, static_cast<size_t>(3 * steps * sets)),
        label(lab, static_cast<size_t>(steps * sets)),
        counters(lab, static_cast<size_t>(4 * steps)),
        invalid(lab, std::vector<unsigned long long>{0}) {}

  double bytes() const { return static_cast<double>(rollouts) * (hostKeys.empty() ? 1 : 5) + static_cast<double>(steps) * 33; }

  Labels of(int set) const {
    Labels labels = {};
    VlprmMcLabels& op = labels.op;
    int32_t* count = counts.get() + 4 * steps * set;
    float* value = values.get() + 3 * steps * set;
    op.form = hostKeys.empty() ? VLPRM_GROUPED : VLPRM_KEYED;
    op.outcomes = outcomes.get() + stride() * set;
    op.offsets = offsets.get();
    op.keys = keys.get();
    op.rollouts = rollouts;
    op.steps = steps;
    op.denominator = 1;
    op.z = 1.96;
    op.intervals = intervals.get();
    op.incorrect = count;
    op.correct = count + steps;
    op.unparsable = count + 2 * steps;
    op.failed = count + 3 * steps;
    op.rate = value;
    op.lower = value + steps;
    op.upper = value + 2 * steps;
    op.label = label.get() + steps * set;
    labels.invalid = invalid.get();
    return labels;
  }

  void expectCounts(Lab& lab, const std::string& version) const {
    std::vector<int32_t> expected(static_cast<size_t>(4 * steps));
    for (int64_t step = 0; step < steps; ++step) {
      for (int32_t i = hostOffsets[static_cast<size_t>(step)]; i < hostOffsets[static_cast<size_t>(step) + 1]; ++i) {
        const size_t of = hostKeys.empty() ? static_cast<size_t>(step) : static_cast<size_t>(hostKeys[static_cast<size_t>(i)]);
        ++expected[hostOutcomes[static_cast<size_t>(i)] * static_cast<size_t>(steps) + of];
      }
    }
    std::vector<int32_t> found = counts.read();
    found.resize(expected.size());
    lab.expect(found == expected, "mcLabels " + version + ": counts differ");
  }

  const int64_t steps;

 private:
  // Each batch begins at an aligned address.
  int64_t stride() const { return (rollouts + 255) / 256 * 256; }

  int64_t offsetsOf(int64_t count, int64_t mean) {
    std::mt19937 random(5);
    hostOffsets.push_back(0);
    for (int64_t step = 0; step < count; ++step) {
      const auto length = static_cast<int32_t>(step % 16 < 8 ? mean : static_cast<int64_t>(random() % static_cast<unsigned>(2 * mean + 1)));
      hostOffsets.push_back(hostOffsets.back() + length);
    }
    return hostOffsets.back();
  }
  std::vector<uint8_t> outcomesOf(int sets) {
    std::mt19937 random(6);
    hostOutcomes.resize(static_cast<size_t>(stride()));
    for (uint8_t& outcome : hostOutcomes) outcome = static_cast<uint8_t>(random() & 3);
    std::vector<uint8_t> all;
    for (int set = 0; set < sets; ++set) all.insert(all.end(), hostOutcomes.begin(), hostOutcomes.end());
    return all;
  }
  std::vector<int32_t> keysOf(bool keyed) {
    std::mt19937 random(7);
    hostKeys.resize(keyed ? static_cast<size_t>(rollouts) : 0);
    for (int32_t& key : hostKeys) key = static_cast<int32_t>(random() % static_cast<unsigned>(steps));
    return hostKeys;
  }

  std::vector<int32_t> hostOffsets;
  std::vector<uint8_t> hostOutcomes;
  std::vector<int32_t> hostKeys;

 public:
  const int64_t rollouts;
  LabArray<uint8_t> outcomes;
  LabArray<int32_t> offsets;
  LabArray<int32_t> keys;
  LabArray<float> intervals;
  LabArray<int32_t> counts;
  LabArray<float> values;
  LabArray<int8_t> label;
  LabArray<int> counters;
  LabArray<unsigned long long> invalid;
};

struct Version {
  std::string name;
  std::function<cudaError_t(const Rollouts&, int set, cudaStream_t)> run;
};

Version groups(const char* name, void (*kernel)(Labels), int lanes) {
  return {name, [=](const Rollouts& work, int set, cudaStream_t stream) {
            return launch({blocksFor(work.steps * lanes, BLOCK), BLOCK, 0, stream}, kernel, work.of(set));
          }};
}

std::vector<Version> groupVersions() {
  return {
      groups("thread per step, byte loads", bytePerLoad, 1),
      groups("production, 1 lane a step", labelGroups<false, 1>, 1),
      groups("production, 4 lanes a step", labelGroups<false, 4>, 4),
      groups("production, 32 lanes a step", labelGroups<false, 32>, 32),
  };
}

Version keys(const char* name, bool shared, unsigned blocks) {
  return {name, [=](const Rollouts& work, int set, cudaStream_t stream) {
            const Labels labels = work.of(set);
            const size_t bytes = static_cast<size_t>(work.steps) * sizeof(int4);
            const cudaError_t zeroed = cudaMemsetAsync(work.counters.get(), 0, bytes, stream);
            if (zeroed != cudaSuccess) return zeroed;
            const Grid grid = {blocks, BLOCK, shared ? bytes : 0, stream};
            const cudaError_t counted = launch(grid, shared ? countFewKeys : countKeys, labels, work.counters.get());
            if (counted != cudaSuccess) return counted;
            return launch({blocksFor(work.steps, BLOCK), BLOCK, 0, stream}, labelCounts, labels, reinterpret_cast<const int4*>(work.counters.get()));
          }};
}

std::vector<Version> keyVersions(unsigned processors, bool few) {
  std::vector<Version> versions = {keys("production, counters in global memory", false, 32 * processors)};
  if (few) versions.push_back(keys("production, counters in shared memory", true, 4 * processors));
  return versions;
}

void measureAll(Lab& lab, const std::vector<Version>& versions, int64_t steps, int64_t mean, bool keyed) {
  const int sets = Lab::setsFor(static_cast<double>(steps * (mean + 33)));
  const Rollouts work(lab, steps, mean, keyed, sets);
  const std::string shape = std::string(keyed ? "keyed " : "grouped ") + std::to_string(steps) + "x" + std::to_string(mean);
  for (const Version& version : versions) {
    lab.measure("mcLabels", version.name, shape, work.bytes(), sets,
                [&](int set, cudaStream_t stream) { lab.did(version.run(work, set, stream), version.name); });
  }
}

}  // namespace

void lab::mcLabels(Lab& lab) {
  cudaDeviceProp properties;
  lab.did(cudaGetDeviceProperties(&properties, 0), "device properties");
  const auto processors = static_cast<unsigned>(properties.multiProcessorCount);
  for (const bool keyed : {false, true}) {
    for (const int64_t mean : {3, 8, 100}) {
      Rollouts work(lab, 300, mean, keyed, 1);
      for (const Version& version : keyed ? keyVersions(processors, true) : groupVersions()) {
        work.counts.poison();
        lab.did(version.run(work, 0, lab.stream()), version.name);
        work.expectCounts(lab, version.name);
      }
    }
  }
  if (!lab.timing()) return;
  for (const int64_t mean : {8, 64}) measureAll(lab, groupVersions(), 100'000'000 / mean, mean, false);
  measureAll(lab, keyVersions(processors, false), 12'500'000, 8, true);
  measureAll(lab, keyVersions(processors, true), 2048, 8192, true);
}

}  // namespace vlprm::cuda
