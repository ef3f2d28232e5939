"""Python libraries as peers of the kernels. Each peer is a function of <library>_peers.py that takes parameters, prepares its
inputs and returns a function of the sample's number that computes and waits for the result.

    peers.py serve torch_peers.step_score '{"threads": 1, ...}'

prints {"versions": {...}} or {"reason": "..."} once it is prepared; then, for every count on standard input, {"ms": [...]}: so many
samples, timed after one that is not. The benchmark (../main.ts) asks for them in turn with its own.
"""

import argparse
import importlib
import json
import os
import sys
import time


def prepared(name, parameters):
    """The peer's sample function and the versions of its libraries."""
    if parameters.get("device", "cpu") == "cpu" and hasattr(os, "sched_setaffinity"):
        # JAX sizes its thread pool by the processors that it may use, and can be told in no other way.
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-parameters["threads"] :])
    module_name, function_name = name.split(".")
    module = importlib.import_module(module_name)
    return getattr(module, function_name)(parameters), module.versions()


def timed(run, sample):
    start = time.perf_counter()
    run(sample)
    return 1000 * (time.perf_counter() - start)


def serve(name, parameters):
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what libraries print must not look like an answer

    def answer(value):
        answers.write(json.dumps(value) + "\n")

    try:
        run, versions = prepared(name, parameters)
        run(0)
    except Exception as error:  # whatever a library raises is the reason why it is not measured
        lines = str(error).strip().splitlines() or [""]
        answer({"reason": f"{type(error).__name__}: {lines[0]}"})
        return
    answer({"versions": versions})
    sample = 1
    for line in sys.stdin:
        count = int(line)
        run(sample)
        answer({"ms": [timed(run, sample + i) for i in range(1, count + 1)]})
        sample += count + 1


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    server = commands.add_parser("serve")
    server.add_argument("case")
    server.add_argument("parameters", type=json.loads)
    arguments = parser.parse_args()
    serve(arguments.case, arguments.parameters)


if __name__ == "__main__":
    main()
