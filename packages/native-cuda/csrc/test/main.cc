// Runs every case, or those whose names contain the first argument. Exit code 1 if a check failed.
#include <cstring>

#include "test/harness.h"

namespace vlprm::test {

namespace {
int checks = 0;
int failures = 0;
}  // namespace

std::vector<Case>& cases() {
  static std::vector<Case> all;
  return all;
}

void fail(const char* file, int line, const std::string& what) {
  ++checks;
  ++failures;
  if (failures <= 20) std::printf("  %s:%d: %s\n", file, line, what.c_str());
}

void passed() { ++checks; }

}  // namespace vlprm::test

int main(int argc, char** argv) {
  using namespace vlprm::test;
  int ran = 0;
  for (const Case& each : cases()) {
    if (argc > 1 && std::strstr(each.name.c_str(), argv[1]) == nullptr) continue;
    const int before = failures;
    each.run();
    ++ran;
    std::printf("%s %s\n", failures == before ? "ok  " : "FAIL", each.name.c_str());
  }
  std::printf("%d cases, %d checks, %d failed\n", ran, checks, failures);
  return failures == 0 && ran > 0 ? 0 : 1;
}
