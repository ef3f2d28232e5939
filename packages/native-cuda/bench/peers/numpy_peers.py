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
