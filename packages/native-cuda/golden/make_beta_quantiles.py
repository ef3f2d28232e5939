"""Writes beta-quantiles.json: quantiles of Beta distributions from SciPy, against which src/ops/betaQuantile.ts is held."""

import json
import pathlib

import scipy
from scipy.stats import beta

COUNTS = [(0, 0), (0, 1), (1, 1), (0, 8), (3, 8), (8, 8), (1, 16), (16, 32), (0, 32), (32, 32), (5, 100), (700, 1000), (1, 100_000), (50_000, 100_000), (999_999, 1_000_000)]
PRIORS = [(0.5, 0.5), (1, 1), (0.1, 3), (20, 80)]
PROBABILITIES = [1e-6, 0.005, 0.025, 0.5, 0.9, 0.975]

cases = []
for correct, completed in COUNTS:
    for prior_alpha, prior_beta in PRIORS:
        a, b = prior_alpha + correct, prior_beta + completed - correct
        cases += [[p, a, b, float(beta.ppf(p, a, b))] for p in PROBABILITIES]
result = {"source": f"scipy.stats.beta.ppf, SciPy {scipy.__version__}", "columns": ["probability", "a", "b", "quantile"], "cases": cases}
path = pathlib.Path(__file__).with_name("beta-quantiles.json")
path.write_text(json.dumps(result, indent=None, separators=(",", ":")).replace('"cases":', '"cases":\n').replace("],[", "],\n[") + "\n")
