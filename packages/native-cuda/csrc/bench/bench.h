// The whole of the bench framework. A bench builds its inputs and hands comparisons to the report: samples of ours and of a peer
// are interleaved, medians compared, and every row goes into a `vlprm.bench/1` file like those of bench/main.ts.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace vlprm::bench {

// Computes on the i-th of several inputs, so that successive samples find their data in memory and not in a cache.
typedef std::function<void(int64_t sample)> Run;

// Milliseconds that a run takes. A device brings its own.
typedef std::function<double(const Run&, int64_t sample)> Stopwatch;
double wallClock(const Run&, int64_t sample);

struct Peer {
  std::string peer;
  const char* tier;  // "floor", "best-tuned" or "as-used"
  Run run;
};

struct Comparison {
  std::string name;
  std::string subject;
  std::string work;
  double bytes;  // read and written, of which the rates are made; 0: no rate
  Run run;
  std::vector<Peer> peers;  // none: only ours is timed
  int samples = 30;
  Stopwatch stopwatch = wallClock;
};

// `ratio` above 1: ours is faster; for the tier "floor" it is the share of the limit reached. NaN where there is nothing to tell.
struct Row {
  std::string name, subject, peer, tier, work, reason;
  double bytes = 0;
  double ratio = NAN_;
  double spread = NAN_;  // |ratio of the first half of the samples - ratio of the second| / ratio
  double subjectMedian = NAN_;
  double peerMedian = NAN_;

 private:
  static constexpr double NAN_ = __builtin_nan("");
};

class Report {
 public:
  // Only comparisons whose names begin so are run.
  explicit Report(std::string only) : only_(std::move(only)) {}
  // Whether a comparison of a name that begins with `prefix` may be run.
  bool wants(const std::string& prefix) const { return prefix.rfind(only_, 0) == 0 || only_.rfind(prefix, 0) == 0; }
  void compare(const Comparison&);
  // A row that says why there is no figure.
  void unmeasured(const std::string& name, const std::string& reason);
  // Versions of a device or library, for the file's header.
  void version(const std::string& name, const std::string& value) { versions_.emplace_back(name, value); }
  // False if the file cannot be written.
  bool write(const std::string& file) const;

 private:
  void add(Row);

  std::string only_;
  std::vector<Row> rows_;
  std::vector<std::pair<std::string, std::string>> versions_;
};

struct Bench {
  std::string name;
  std::function<void(Report&)> run;
};

std::vector<Bench>& benches();

struct Registered {
  Registered(const char* name, std::function<void(Report&)> run) { benches().push_back({name, std::move(run)}); }
};

#define BENCH(name)                                                  \
  static void runBench(vlprm::bench::Report&);                       \
  static const vlprm::bench::Registered registered(name, runBench); \
  static void runBench(vlprm::bench::Report& report)

// 1, 2, 4, … up to the processors, which come last.
std::vector<int> threadCounts();

inline std::string threadsText(int threads) { return std::to_string(threads) + (threads == 1 ? " thread" : " threads"); }

}  // namespace vlprm::bench
