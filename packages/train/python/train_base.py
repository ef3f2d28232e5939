"""Trains the tiny VLM base on a corpus written by `nx run data:corpus` and exports it to ONNX.

    python train_base.py --corpus DIR --out DIR --seed 41 --steps 6000

Progress goes to stderr, one JSON line a report to stdout. The same seed, corpus and --threads give the same weights
on the same machine.
"""

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from export import export_base
from tiny_vlm import PAD, Decoder, VisionEncoder


REASONING_WEIGHT = 4.0


class Corpus:
    """Examples of split `base`, in memory; solutions come first, captions after them."""

    def __init__(self, folder):
        self.info = json.loads((folder / "examples.json").read_text())
        words = json.loads((folder / "tokenizer.json").read_text())["model"]["vocab"]
        self.vocabulary = len(words)
        self.reasoning = words["<reasoning>"]
        count = self.info["solutions"] + self.info["captions"]
        length = self.info["maxTokens"]
        self.images = np.memmap(folder / "images.u8", np.uint8, "r", shape=(count, 3, 96, 96))
        self.tokens = np.fromfile(folder / "tokens.u16", "<u2").reshape(count, length)
        self.supervised = np.fromfile(folder / "supervised.u8", np.uint8).reshape(count, length)
        self.lengths = (self.tokens != PAD).sum(1)

    def batch(self, rows, random):
        length = int(self.lengths[rows].max())
        image = torch.from_numpy(np.stack([self.images[row] for row in rows])).float().div_(255)
        tokens = torch.from_numpy(self.tokens[rows, :length].astype(np.int64))
        supervised = torch.from_numpy(self.supervised[rows, :length].astype(np.float32))
        return vary(image, random), tokens, supervised


def vary(image, random):
    """Small changes of brightness, place and noise, so that few pictures stand for many."""
    batch = image.shape[0]
    gain = 1 + 0.06 * torch.randn(batch, 3, 1, 1, generator=random)
    dx, dy = torch.randint(-1, 2, (2,), generator=random).tolist()
    image = torch.roll(image, shifts=(dy, dx), dims=(2, 3)) * gain
    image = (image + 0.02 * torch.randn(image.shape, generator=random)).clamp_(0, 1)
    return image.contiguous(memory_format=torch.channels_last)


def target_loss(vision, decoder, image, tokens, supervised, reasoning):
    """Mean negative log-likelihood of the supervised tokens, and the share predicted exactly.

    Tokens behind the mark `reasoning` weigh REASONING_WEIGHT: a solution has few of them, and they are the hard ones.
    """
    hidden = decoder.trunk(vision(image), tokens)
    wanted = supervised[:, 1:] > 0
    logits = decoder.read(hidden[:, :-1][wanted])
    targets = tokens[:, 1:][wanted]
    behind = ((tokens == reasoning).cumsum(1)[:, :-1] > 0)[wanted]
    weights = 1 + (REASONING_WEIGHT - 1) * behind.float()
    loss = (F.cross_entropy(logits, targets, reduction="none") * weights).sum() / weights.sum()
    return loss, (logits.argmax(-1) == targets).float().mean()


def choose_rows(step, total, info, batch, held_out, random):
    """A batch of captions or of solutions; captions come first, solutions take over: from 15% of the batches to 85%."""
    share = 0.15 + 0.7 * min(1.0, max(0.0, (step / total - 0.15) / 0.2))
    solved = torch.rand((), generator=random).item() < share
    count = info["solutions"] if solved else info["captions"]
    first = 0 if solved else info["solutions"]
    return first + torch.randint(held_out, count, (batch,), generator=random).numpy()


@torch.no_grad()
def evaluate(corpus, vision, decoder, held_out):
    result = {}
    start = corpus.info["solutions"]
    for name, first in (("solutions", 0), ("captions", start)):
        rows = np.arange(first, first + held_out)
        length = int(corpus.lengths[rows].max())
        image = torch.from_numpy(np.stack([corpus.images[row] for row in rows])).float().div_(255)
        tokens = torch.from_numpy(corpus.tokens[rows, :length].astype(np.int64))
        supervised = torch.from_numpy(corpus.supervised[rows, :length].astype(np.float32))
        loss, exact = target_loss(vision, decoder, image, tokens, supervised, corpus.reasoning)
        result[name] = {"loss": round(loss.item(), 4), "exact": round(exact.item(), 4)}
    return result


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=41)
    parser.add_argument("--steps", type=int, default=6000)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--report-every", type=int, default=250)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    random = torch.Generator().manual_seed(options.seed)
    corpus = Corpus(options.corpus)
    held_out = min(256, corpus.info["captions"] // 4)
    vision, decoder = VisionEncoder(), Decoder(corpus.vocabulary, corpus.info["maxTokens"])
    vision = vision.to(memory_format=torch.channels_last)
    parameters = [*vision.parameters(), *decoder.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=options.rate, betas=(0.9, 0.98), weight_decay=0.01)
    warmup = min(200, options.steps // 10 + 1)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer,
        lambda step: min(1.0, (step + 1) / warmup) * (0.03 + 0.97 * 0.5 * (1 + np.cos(np.pi * step / options.steps))),
    )
    print(f"base: {sum(p.numel() for p in parameters)} parameters, {corpus.vocabulary} words", file=sys.stderr)
    started = time.time()
    for step in range(options.steps):
        rows = choose_rows(step, options.steps, corpus.info, options.batch, held_out, random)
        loss, exact = target_loss(vision, decoder, *corpus.batch(rows, random), corpus.reasoning)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        schedule.step()
        if (step + 1) % options.report_every == 0 or step + 1 == options.steps:
            report = {"step": step + 1, "loss": round(loss.item(), 4), "seconds": round(time.time() - started)}
            print(json.dumps({**report, **evaluate(corpus, vision, decoder, held_out)}), flush=True)
            torch.save({"vision": vision.state_dict(), "decoder": decoder.state_dict()}, options.out.with_suffix(".pt"))
    command = f"python train_base.py --corpus CORPUS --out OUT --seed {options.seed} --steps {options.steps} --batch {options.batch} --rate {options.rate} --threads {options.threads}"
    metrics = evaluate(corpus, vision, decoder, held_out)
    export_base(vision, decoder, options.corpus, options.out, options.seed, command, metrics)


if __name__ == "__main__":
    main()
