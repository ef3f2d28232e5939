#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <fstream>

#include "bench/bench.h"
#include "cpu/kernels.h"

namespace vlprm::bench {

namespace {

constexpr int WARM_UP = 3;

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

double halfMedian(const std::vector<double>& values, bool second) {
  const auto half = static_cast<std::ptrdiff_t>(values.size() / 2);
  return median(second ? std::vector<double>(values.begin() + half, values.end()) : std::vector<double>(values.begin(), values.begin() + half));
}

// Numbers that JSON knows; NaN is null.
std::string json(double value) {
  if (!std::isfinite(value)) return "null";
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", value);
  return text;
}

std::string json(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return quoted + '"';
}

std::string processorName() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (line.rfind("model name", 0) == 0) return line.substr(line.find(':') + 2);
  }
  return "unknown";
}

std::string now() {
  const std::time_t seconds = std::time(nullptr);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", std::gmtime(&seconds));
  return text;
}

double rate(double bytes, double milliseconds) { return bytes / milliseconds / 1e6; }

void print(const Row& row) {
  if (!row.reason.empty()) {
    std::printf("%s: not measured: %s\n", row.name.c_str(), row.reason.c_str());
  } else if (row.peer.empty()) {
    std::printf("%s: %.3f ms", row.name.c_str(), row.subjectMedian);
    if (row.bytes > 0) std::printf(", %.1f GB/s", rate(row.bytes, row.subjectMedian));
    std::printf("\n");
  } else if (row.tier == "floor") {
    std::printf("%s: %.0f%% of %s (%.3f against %.3f ms, %.1f GB/s, spread %.0f%%)\n", row.name.c_str(), 100 * row.ratio, row.peer.c_str(),
                row.subjectMedian, row.peerMedian, rate(row.bytes, row.subjectMedian), 100 * row.spread);
  } else {
    std::printf("%s: %.2fx %s (%.3f against %.3f ms, spread %.0f%%)\n", row.name.c_str(), row.ratio, row.peer.c_str(), row.subjectMedian,
                row.peerMedian, 100 * row.spread);
  }
  std::fflush(stdout);
}

std::string json(const Row& row) {
  std::string text = "    {\"name\": " + json(row.name) + ", \"subject\": " + json(row.subject) + ", \"peer\": " + json(row.peer) +
                     ", \"tier\": " + json(row.tier) + ", \"ratio\": " + json(row.ratio) + ", \"spread\": " + json(row.spread) +
                     ", \"subjectMedian\": " + json(row.subjectMedian) + ", \"peerMedian\": " + json(row.peerMedian) +
                     ", \"unit\": \"ms\", \"bytes\": " + json(row.bytes) + ", \"work\": " + json(row.work);
  if (!row.reason.empty()) text += ", \"reason\": " + json(row.reason);
  return text + "}";
}

}  // namespace

double wallClock(const Run& run, int64_t sample) {
  const auto begin = std::chrono::steady_clock::now();
  run(sample);
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
}

std::vector<int> threadCounts() {
  std::vector<int> counts;
  for (int threads = 1; threads < cpu::processors(); threads *= 2) counts.push_back(threads);
  counts.push_back(cpu::processors());
  return counts;
}

std::vector<Bench>& benches() {
  static std::vector<Bench> all;
  return all;
}

void Report::add(Row row) {
  print(row);
  rows_.push_back(std::move(row));
}

void Report::unmeasured(const std::string& name, const std::string& reason) {
  Row row;
  row.name = name;
  row.reason = reason;
  add(row);
}

void Report::compare(const Comparison& comparison) {
  if (comparison.name.rfind(only_, 0) != 0) return;
  const auto timed = [&](const Peer* peer) {
    std::vector<double> ours, theirs;
    for (int i = -WARM_UP; i < comparison.samples; ++i) {
      const int64_t sample = 2 * (i + WARM_UP);
      const double mine = comparison.stopwatch(comparison.run, sample);
      const double other = peer == nullptr ? 0 : comparison.stopwatch(peer->run, sample + 1);
      if (i < 0) continue;
      ours.push_back(mine);
      theirs.push_back(other);
    }
    Row row;
    row.name = comparison.name;
    row.subject = comparison.subject;
    row.work = comparison.work;
    row.bytes = comparison.bytes;
    row.subjectMedian = median(ours);
    if (peer != nullptr) {
      row.peer = peer->peer;
      row.tier = peer->tier;
      row.peerMedian = median(theirs);
      row.ratio = row.peerMedian / row.subjectMedian;
      const double first = halfMedian(theirs, false) / halfMedian(ours, false);
      const double second = halfMedian(theirs, true) / halfMedian(ours, true);
      row.spread = std::fabs(first - second) / row.ratio;
    }
    add(row);
  };
  if (comparison.peers.empty()) timed(nullptr);
  for (const Peer& peer : comparison.peers) timed(&peer);
}

bool Report::write(const std::string& file) const {
  std::ofstream out(file);
  out << "{\n  \"schema\": \"vlprm.bench/1\",\n  \"machine\": {\"cpu\": " << json(processorName()) << ", \"cores\": " << cpu::processors()
      << "},\n  \"versions\": {\"compiler\": " << json(VLPRM_COMPILER) << ", \"cpu\": " << json(cpu::kernels().isa);
  for (const auto& [name, value] : versions_) out << ", " << json(name) << ": " << json(value);
  out << "},\n  \"date\": " << json(now()) << ",\n  \"rows\": [\n";
  for (size_t i = 0; i < rows_.size(); ++i) out << json(rows_[i]) << (i + 1 < rows_.size() ? ",\n" : "\n");
  out << "  ]\n}\n";
  out.flush();
  return out.good();
}

}  // namespace vlprm::bench
