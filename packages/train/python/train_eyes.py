"""Trains the eyes of the puzzle world's policy and judge on a corpus written by `nx run data:corpus`.

    python train_eyes.py --corpus DIR --out DIR --seed 41

An eye is a small convolutional network from a glimpse [N, 3 * r * r] to class scores [N, 30]: shape 5, size 3, color 6,
digit 10, sides 6. The policy's eye is weak on purpose (8 x 8 cells, few scenes, sensor noise), the judge's is stronger.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from export import export_onnx, sha256

EYES = {
    "policy": {"resolution": 8, "channels": [12, 16], "hidden": 64, "epochs": 12, "noise": 0.02},
    "judge": {"resolution": 16, "channels": [12, 24], "hidden": 96, "epochs": 5, "noise": 0.04},
}


def split_heads(scores, classes):
    return scores.split(classes, dim=1)


def eye_loss(scores, labels, classes):
    heads = split_heads(scores, classes)
    return sum(F.cross_entropy(head, labels[:, i], ignore_index=-1, reduction="sum") for i, head in enumerate(heads)) / len(labels)


def accuracy(scores, labels, classes):
    result = []
    for i, head in enumerate(split_heads(scores, classes)):
        shown = labels[:, i] >= 0
        result.append(round((head.argmax(1) == labels[:, i])[shown].float().mean().item(), 4))
    return result


def build_eye(spec, classes):
    side, (first, second) = spec["resolution"], spec["channels"]
    return nn.Sequential(
        nn.Unflatten(1, (3, side, side)),
        nn.Conv2d(3, first, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(first, second, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(second * (side // 2) ** 2, spec["hidden"]),
        nn.ReLU(),
        nn.Linear(spec["hidden"], sum(classes)),
    )


def train_eye(spec, glimpses, labels, classes, seed):
    torch.manual_seed(seed)
    held_out = 4_000
    eye = build_eye(spec, classes)
    optimizer = torch.optim.Adam(eye.parameters())
    rows = len(glimpses) - held_out
    steps = spec["epochs"] * -(-rows // 256)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=steps)
    for _ in range(spec["epochs"]):
        order = held_out + torch.randperm(rows)
        for batch in order.split(256):
            look = glimpses[batch].float().div(255)
            scores = eye(look + spec["noise"] * torch.randn_like(look))
            loss = eye_loss(scores, labels[batch], classes)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            schedule.step()
    with torch.no_grad():
        look = glimpses[:held_out].float().div(255)
        scores = eye(look + spec["noise"] * torch.randn_like(look))
    return eye, accuracy(scores, labels[:held_out], classes)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=41)
    options = parser.parse_args()
    torch.set_num_threads(1)
    info = json.loads((options.corpus / "examples.json").read_text())
    count, classes = int(info["glimpses"]), info["classes"]
    labels = torch.from_numpy(np.fromfile(options.corpus / "glimpse-labels.i8", np.int8).reshape(count, 5).astype(np.int64))
    options.out.mkdir(parents=True, exist_ok=True)
    manifest = {
        "schema": "vlprm.eyes/1",
        "seed": options.seed,
        "corpusSeed": info["seed"],
        "command": f"python train_eyes.py --corpus CORPUS --out OUT --seed {options.seed}",
        "torch": torch.__version__,
        "groupsSeen": "groups-seen.json",
        "classes": classes,
        "eyes": {},
        "files": {},
    }
    for name, spec in EYES.items():
        side = spec["resolution"]
        glimpses = torch.from_numpy(np.fromfile(options.corpus / f"glimpses-{side}.u8", np.uint8).reshape(count, 3 * side * side))
        eye, exact = train_eye(spec, glimpses, labels, classes, options.seed)
        path = options.out / f"{name}-eye.onnx"
        free = {0: "glimpses"}
        export_onnx(eye, (torch.zeros(2, 3 * side * side),), path, ["glimpse"], ["scores"], {"glimpse": free, "scores": free})
        manifest["eyes"][name] = {**spec, "heldOutAccuracy": exact}
        manifest["files"][path.name] = sha256(path)
        print(json.dumps({"eye": name, "exact": exact}), flush=True)
    (options.out / "groups-seen.json").write_text((options.corpus / "scenes.json").read_text())
    manifest["files"]["groups-seen.json"] = sha256(options.out / "groups-seen.json")
    (options.out / "eyes.json").write_text(json.dumps(manifest, indent=2) + "\n")
    print(f"eyes: written to {options.out}", file=sys.stderr)


if __name__ == "__main__":
    main()
