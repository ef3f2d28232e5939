"""Runs the unittest tests (test_*.py) of one folder and prints {"passed", "failed", "skipped"} as JSON on the last line of stdout."""

import json
import sys
import unittest


class CountingResult(unittest.TextTestResult):
    """Also counts the tests that passed, which unittest does not record."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.passed = 0

    def addSuccess(self, test):  # noqa: N802 (unittest's name)
        super().addSuccess(test)
        self.passed += 1


def main() -> int:
    folder = sys.argv[1]
    suite = unittest.TestLoader().discover(folder, pattern="test_*.py", top_level_dir=folder)
    runner = unittest.TextTestRunner(stream=sys.stderr, verbosity=1, resultclass=CountingResult)
    result = runner.run(suite)
    failed = [str(test) for test, _ in [*result.failures, *result.errors]]
    failed += [f"{test} (passed, but was expected to fail)" for test in result.unexpectedSuccesses]
    skipped = [{"name": str(test), "reason": reason} for test, reason in result.skipped]
    print(json.dumps({"passed": result.passed + len(result.expectedFailures), "failed": failed, "skipped": skipped}))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
