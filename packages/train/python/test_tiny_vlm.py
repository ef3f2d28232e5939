"""Tests of the tiny VLM base, its training and its export; a corpus of a few made-up examples stands in for the real one."""

import contextlib
import io
import json
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import numpy as np
import onnx
import onnx.reference
import torch

import train_base
import train_eyes
from export import export_base, sha256
from tiny_vlm import IMAGE_TOKENS, WIDTH, Decoder, VisionEncoder

VOCABULARY = 20
MAX_TOKENS = 24


def write_corpus(folder, count=80):
    """Half the pictures are dark, half are light; the word after 2 says which, so only sight can tell."""
    random = np.random.default_rng(1)
    light = random.integers(0, 2, count)
    images = (40 + 160 * light)[:, None, None, None] + random.integers(0, 20, (count, 3, 96, 96))
    tokens = np.zeros((count, MAX_TOKENS), "<u2")
    tokens[:, :4] = np.stack([np.full(count, 2), 10 + light, np.full(count, 5), random.integers(6, 10, count)], 1)
    supervised = np.zeros((count, MAX_TOKENS), np.uint8)
    supervised[:, 1:3] = 1
    images.astype(np.uint8).tofile(folder / "images.u8")
    tokens.tofile(folder / "tokens.u16")
    supervised.tofile(folder / "supervised.u8")
    words = {"<reasoning>": 3, **{f"word{i}": i for i in range(VOCABULARY) if i != 3}}
    (folder / "tokenizer.json").write_text(json.dumps({"model": {"vocab": words}}))
    (folder / "scenes.json").write_text(json.dumps(["a", "b"]))
    info = {"seed": 3, "solutions": count // 2, "captions": count - count // 2, "maxTokens": MAX_TOKENS}
    (folder / "examples.json").write_text(json.dumps(info))


def random_inputs(batch, length, seed=0):
    generator = torch.Generator().manual_seed(seed)
    image = torch.rand(batch, 3, 96, 96, generator=generator)
    tokens = torch.randint(1, VOCABULARY, (batch, length), generator=generator)
    return image, tokens


class TinyVlmTest(unittest.TestCase):
    def setUp(self):
        torch.manual_seed(5)
        torch.set_num_threads(1)
        self.vision = VisionEncoder().eval()
        self.decoder = Decoder(VOCABULARY, MAX_TOKENS).eval()

    @torch.no_grad()
    def read(self, image, tokens):
        return self.decoder(self.vision(image), tokens)

    def test_text_is_causal_and_padding_is_harmless(self):
        image, tokens = random_inputs(2, 12)
        longer = torch.cat([tokens, torch.zeros(2, 5, dtype=torch.int64)], 1)
        changed = tokens.clone()
        changed[:, 8:] = 3
        for whole, part in zip(self.read(image, longer), self.read(image, tokens)):
            torch.testing.assert_close(whole[:, :12], part, atol=1e-5, rtol=1e-5)
        before, after = self.read(image, tokens)[0], self.read(image, changed)[0]
        torch.testing.assert_close(before[:, :8], after[:, :8], atol=1e-5, rtol=1e-5)
        self.assertGreater((before[:, 8:] - after[:, 8:]).abs().max().item(), 1e-3)

    def test_log_probabilities_and_gaps_are_those_of_the_claimed_tokens(self):
        image, tokens = random_inputs(3, 10)
        hidden, logp, gap = self.read(image, tokens)
        full = torch.log_softmax(self.decoder.read(hidden), -1)
        for row in range(3):
            self.assertEqual((logp[row, 0].item(), gap[row, 0].item()), (0.0, 0.0))
            for place in range(1, 10):
                claimed = full[row, place - 1, tokens[row, place]]
                self.assertAlmostEqual(logp[row, place].item(), claimed.item(), places=5)
                self.assertAlmostEqual(gap[row, place].item(), (claimed - full[row, place - 1].max()).item(), places=5)
        self.assertLessEqual(gap.max().item(), 0)

    def test_the_image_reaches_every_text_position(self):
        image, tokens = random_inputs(1, 10)
        other = image.clone()
        other[:, :, :16, :16] = 1 - other[:, :, :16, :16]
        difference = (self.read(image, tokens)[0] - self.read(other, tokens)[0]).abs().amax(-1)
        self.assertGreater(difference.min().item(), 0)

    def test_batch_mates_do_not_matter(self):
        image, tokens = random_inputs(6, 9)
        together = self.read(image, tokens)[0]
        alone = self.read(image[4:5], tokens[4:5])[0]
        torch.testing.assert_close(together[4:5], alone, atol=1e-5, rtol=1e-5)


class TrainingTest(unittest.TestCase):
    def test_loss_weighs_reasoning_and_leaves_out_what_is_not_supervised(self):
        torch.manual_seed(5)
        vision, decoder = VisionEncoder().eval(), Decoder(VOCABULARY, MAX_TOKENS).eval()
        image, _ = random_inputs(1, 4)
        tokens = torch.tensor([[2, 7, 3, 9, 8]])
        with torch.no_grad():
            nll = -decoder(vision(image), tokens)[1][0]
            supervised = torch.tensor([[0.0, 1.0, 1.0, 1.0, 0.0]])
            loss, _ = train_base.target_loss(vision, decoder, image, tokens, supervised, 3)
        expected = (nll[1] + nll[2] + train_base.REASONING_WEIGHT * nll[3]) / (2 + train_base.REASONING_WEIGHT)
        self.assertAlmostEqual(loss.item(), expected.item(), places=4)

    def test_training_learns_to_see_and_exports_what_it_learned(self):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            write_corpus(folder)
            arguments = ["train_base", "--corpus", name, "--out", str(folder / "base"), "--steps", "80", "--batch", "16"]
            with mock.patch.object(sys, "argv", arguments), contextlib.redirect_stdout(io.StringIO()) as said:
                train_base.main()
            reports = [json.loads(line) for line in said.getvalue().splitlines()]
            # Two targets a row: 5 can be guessed, light or dark has to be seen.
            self.assertGreater(reports[-1]["captions"]["exact"], 0.95)
            manifest = json.loads((folder / "base" / "base.json").read_text())
            self.assertEqual(manifest["hiddenSize"], WIDTH)
            for file, digest in manifest["files"].items():
                self.assertEqual(sha256(folder / "base" / file), digest)

    def test_onnx_gives_what_torch_gives_for_other_shapes_than_the_traced_ones(self):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            write_corpus(folder)
            torch.manual_seed(5)
            vision, decoder = VisionEncoder().eval(), Decoder(VOCABULARY, MAX_TOKENS).eval()
            export_base(vision, decoder, folder, folder / "base", 1, "test", {})
            image, tokens = random_inputs(3, 17)
            with torch.no_grad():
                embeddings = vision(image)
                expected = decoder(embeddings, tokens)
            onnx.checker.check_model(str(folder / "base" / "decoder.onnx"))
            seen = onnx.reference.ReferenceEvaluator(str(folder / "base" / "vision.onnx")).run(None, {"image": image.numpy()})
            np.testing.assert_allclose(seen[0], embeddings.numpy(), atol=2e-4)
            self.assertEqual(seen[0].shape, (3, IMAGE_TOKENS, WIDTH))
            reader = onnx.reference.ReferenceEvaluator(str(folder / "base" / "decoder.onnx"))
            actual = reader.run(["hidden", "logp", "gap"], {"embeddings": embeddings.numpy(), "tokens": tokens.numpy()})
            for ours, theirs in zip(actual, expected):
                np.testing.assert_allclose(ours, theirs.numpy(), atol=2e-4)


class EyesTest(unittest.TestCase):
    def test_missing_attributes_add_nothing_to_the_loss(self):
        classes = [2, 3]
        scores = torch.randn(4, 5, generator=torch.Generator().manual_seed(2))
        labels = torch.tensor([[0, -1], [1, -1], [-1, 2], [1, -1]])
        changed = scores.clone()
        changed[[0, 1, 3], 2:] += 5
        changed[2, :2] -= 5
        first = train_eyes.eye_loss(scores, labels, classes)
        torch.testing.assert_close(first, train_eyes.eye_loss(changed, labels, classes))
        self.assertGreater(first.item(), 0)

    def test_an_eye_learns_what_is_shown(self):
        random = torch.Generator().manual_seed(3)
        labels = torch.randint(0, 2, (6000, 1), generator=random)
        glimpses = (labels * 150 + torch.randint(0, 60, (6000, 192), generator=random)).to(torch.uint8)
        spec = {**train_eyes.EYES["policy"], "epochs": 3}
        _, exact = train_eyes.train_eye(spec, glimpses, labels, [2], 1)
        self.assertGreater(exact[0], 0.98)


if __name__ == "__main__":
    unittest.main()
