// vlprm_bench [--only PREFIX] [--json FILE]: runs every comparison, or those whose names begin so.
#include <cstdio>
#include <cstring>

#include "bench/bench.h"

int main(int argc, char** argv) {
  std::string only, file;
  for (int i = 1; i < argc; ++i) {
    const bool value = i + 1 < argc;
    if (value && std::strcmp(argv[i], "--only") == 0) {
      only = argv[++i];
    } else if (value && std::strcmp(argv[i], "--json") == 0) {
      file = argv[++i];
    } else {
      std::fprintf(stderr, "usage: %s [--only PREFIX] [--json FILE]\n", argv[0]);
      return 2;
    }
  }
  vlprm::bench::Report report(only);
  for (const vlprm::bench::Bench& bench : vlprm::bench::benches()) {
    if (report.wants(bench.name)) bench.run(report);
  }
  if (file.empty() || report.write(file)) return 0;
  std::fprintf(stderr, "cannot write %s\n", file.c_str());
  return 1;
}
