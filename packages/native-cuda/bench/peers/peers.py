"""Python libraries as peers of the kernels. Each peer is a function of <library>_peers.py that takes parameters, prepares its
inputs, checks its own result and returns a function of the sample's number that computes.

    peers.py serve torch_peers.step_score '{"threads": 1, ...}'

prints {"versions": {...}} or {"reason": "..."} once it is prepared; then, for every count on standard input, {"ms": [...]}: so many
samples, timed after one that is not. The benchmark (../main.ts) asks for them in turn with its own.

    peers.py suite --device cuda --json FILE [--small]

measures every peer of SUITE by itself, for a machine where the C++ benchmark measures ours; `--small` shrinks the shapes to a test.
"""

import argparse
import importlib
import json
import os
import statistics
import subprocess
import sys
import time


def prepared(name, parameters):
    """The peer's sample function, what waits for a sample to end, and the versions of its libraries."""
    if parameters.get("device", "cpu") == "cpu" and hasattr(os, "sched_setaffinity"):
        # JAX sizes its thread pool by the processors that it may use, and can be told in no other way.
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-parameters["threads"] :])
    module_name, function_name = name.split(".")
    module = importlib.import_module(module_name)
    return getattr(module, function_name)(parameters), getattr(module, "wait", lambda: None), module.versions()


def timed(run, wait, first, count=1):
    """Milliseconds of each of `count` successive samples."""
    start = time.perf_counter()
    for sample in range(first, first + count):
        run(sample)
    wait()
    return 1000 * (time.perf_counter() - start) / count


def failure(error):
    """Whatever a library raises is the reason why it is not measured."""
    lines = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {lines[0]}"


def serve(name, parameters):
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what libraries print must not look like an answer

    def answer(value):
        answers.write(json.dumps(value) + "\n")

    try:
        run, wait, versions = prepared(name, parameters)
        timed(run, wait, 0)
    except Exception as error:
        answer({"reason": failure(error)})
        return
    answer({"versions": versions})
    sample = 1
    for line in sys.stdin:
        count = int(line)
        timed(run, wait, sample)
        answer({"ms": [timed(run, wait, sample + i) for i in range(1, count + 1)]})
        sample += count + 1


WIDE = {"dtype": "bf16", "width": 3584, "candidateSteps": 12, "poolBytes": 1 << 30}
FEW = {"width": 256, "poolBytes": 1 << 20}
SCORERS = ["torch_peers.step_score", "torch_peers.step_score_compiled", "triton_peers.step_score"]
LOSSES = ["torch_peers.step_loss", "torch_peers.step_loss_compiled", "liger_peers.step_loss"]
LABELS = {"steps": 12_500_000, "rollouts": 8}
TREES = {"trees": 4096, "nodes": 512}

# (workload, peers, parameters, what --small changes)
SUITE = [
    ("stepScore 100000x3584", SCORERS, {**WIDE, "steps": 100_000}, {**FEW, "steps": 512}),
    ("stepScore 2500x3584", SCORERS, {**WIDE, "steps": 2500}, {**FEW, "steps": 64}),
    ("stepScore 256x3584", SCORERS, {**WIDE, "steps": 256}, {**FEW, "steps": 16}),
    ("stepLoss 65536x3584", LOSSES, {**WIDE, "rows": 65_536}, {**FEW, "rows": 128}),
    ("adamw 1e8", ["torch_peers.adamw"], {"size": 100_000_000}, {"size": 10_000}),
    ("adamw 1e9", ["torch_peers.adamw"], {"size": 1_000_000_000}, {"size": 10_000}),
    ("mcLabels grouped 1e8", ["torch_peers.grouped_labels"], LABELS, {"steps": 100}),
    ("mcLabels keyed 1e8", ["torch_peers.keyed_labels"], LABELS, {"steps": 100}),
    (
        "valueBackup 4096x512, 1 leaf",
        ["jax_peers.value_backup", "mctx_peers.value_backup"],
        {**TREES, "leaves": 1},
        {"trees": 8, "nodes": 32},
    ),
    ("valueBackup 4096x512, 64 leaves", ["jax_peers.value_backup"], {**TREES, "leaves": 64}, {"trees": 8, "nodes": 32}),
    (
        "tree search 1024x256x4",
        ["mctx_peers.tree_search"],
        {"trees": 1024, "simulations": 256, "actions": 4},
        {"trees": 4, "simulations": 8},
    ),
]

SINGLES = 20
BURST = 20
BURSTS = 11
SLOW_MS = 50
PEER_SECONDS = 240


def measured(name, parameters):
    """Median of single samples, each waited for, and of samples in bursts; or the reason why there is none."""
    try:
        run, wait, versions = prepared(name, parameters)
        slow = max(timed(run, wait, sample) for sample in range(1, 4)) > SLOW_MS
        singles = [timed(run, wait, sample) for sample in range(5 if slow else SINGLES)]
        bursts = [timed(run, wait, i * BURST, 1 if slow else BURST) for i in range(5 if slow else BURSTS)]
    except Exception as error:
        return {"ms": None, "burstMs": None, "reason": failure(error)}
    return {"ms": statistics.median(singles), "burstMs": statistics.median(bursts), "versions": versions}


def measured_apart(peer, parameters):
    """In a process of its own, so that the memory of one is not missing for the next."""
    command = [sys.executable, os.path.abspath(__file__), "measure", peer, json.dumps(parameters)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PEER_SECONDS)
    except subprocess.TimeoutExpired:
        return {"ms": None, "burstMs": None, "reason": f"took more than {PEER_SECONDS} s"}
    if done.returncode == 0:
        return json.loads(done.stdout.strip().splitlines()[-1])
    lines = done.stderr.strip().splitlines() or [f"ended with {done.returncode}"]
    return {"ms": None, "burstMs": None, "reason": lines[-1]}


def suite(device, file, small):
    rows = []
    for workload, peers, full, reduced in SUITE:
        parameters = {"threads": len(os.sched_getaffinity(0)), "device": device, **full, **(reduced if small else {})}
        for peer in peers:
            row = {"name": workload, "peer": peer, **measured_apart(peer, parameters)}
            rows.append(row)
            print(f"{workload}: {peer}: {row['reason'] if row['ms'] is None else row['ms']}", flush=True)
            if file is not None:  # after each, so that who runs out of time keeps what there is
                with open(file, "w") as output:
                    json.dump({"schema": "vlprm.peers/1", "device": device, "small": small, "rows": rows}, output, indent=2)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    for command in ("serve", "measure"):
        one = commands.add_parser(command)
        one.add_argument("case")
        one.add_argument("parameters", type=json.loads)
    every = commands.add_parser("suite")
    every.add_argument("--device", choices=["cpu", "cuda"], required=True)
    every.add_argument("--json")
    every.add_argument("--small", action="store_true")
    arguments = parser.parse_args()
    if arguments.command == "serve":
        serve(arguments.case, arguments.parameters)
    elif arguments.command == "measure":
        print(json.dumps(measured(arguments.case, arguments.parameters)))
    else:
        suite(arguments.device, arguments.json, arguments.small)


if __name__ == "__main__":
    main()
