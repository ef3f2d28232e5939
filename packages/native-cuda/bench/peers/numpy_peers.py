"""NumPy: what a script does that knows its way around arrays."""

import numpy as np


def versions():
    return {"numpy": np.__version__}


def step_score(parameters):
    """Rows gathered into memory that is there already, a product per label (faster here than one with two columns), softmax."""
    steps, width = parameters["steps"], parameters["width"]
    windows = max(1, parameters["poolBytes"] // (4 * width) // steps)
    pool = np.resize(np.random.default_rng(width).standard_normal(8191, dtype=np.float32), (windows * steps, width))
    positions = [np.arange(steps) * windows + i for i in range(windows)]
    labels = np.random.default_rng(1).standard_normal((2, width), dtype=np.float32) / np.float32(width) ** 0.5
    gathered = np.empty((steps, width), np.float32)

    def probabilities(sample):
        np.take(pool, positions[sample % windows], axis=0, out=gathered, mode="clip")
        logits = np.stack([gathered @ label for label in labels])
        exponentials = np.exp(logits - logits.max(axis=0))
        return exponentials[0] / exponentials.sum(axis=0)

    rows = pool[positions[0][:4]].astype(np.float64) @ labels.T.astype(np.float64)
    np.testing.assert_allclose(probabilities(0)[:4], 1 / (1 + np.exp(rows[:, 1] - rows[:, 0])), rtol=1e-4)
    return probabilities


def random_outcomes(parameters):
    """[windows][rollouts] 0 incorrect, 1 correct, 2 unparsable, 3 failed."""
    count = parameters["steps"] * parameters["rollouts"]
    generator = np.random.default_rng(4)
    return [generator.integers(0, 4, count, dtype=np.uint8) for _ in range(8)]


def grouped_labels(parameters):
    """Counts of segments and rates, without intervals and labels: less than ours does."""
    batches = random_outcomes(parameters)
    begins = np.arange(parameters["steps"]) * parameters["rollouts"]

    def rates(sample):
        outcomes = batches[sample % len(batches)]
        correct = np.add.reduceat(outcomes == 1, begins, dtype=np.int32)
        completed = np.add.reduceat(outcomes != 3, begins, dtype=np.int32)
        with np.errstate(invalid="ignore"):
            return correct / completed

    rows = batches[0].reshape(parameters["steps"], -1)
    np.testing.assert_equal(np.nan_to_num(rates(0)), (rows == 1).sum(1) / np.maximum((rows != 3).sum(1), 1))
    return rates


def keyed_labels(parameters):
    """The same for rollouts in random order."""
    batches = random_outcomes(parameters)
    steps = parameters["steps"]
    keys = np.random.default_rng(5).permutation(np.repeat(np.arange(steps, dtype=np.int32), parameters["rollouts"]))

    def rates(sample):
        outcomes = batches[sample % len(batches)]
        correct = np.bincount(keys[outcomes == 1], minlength=steps)
        completed = np.bincount(keys[outcomes != 3], minlength=steps)
        with np.errstate(invalid="ignore"):
            return correct / completed

    assert rates(0).shape == (steps,)
    return rates
