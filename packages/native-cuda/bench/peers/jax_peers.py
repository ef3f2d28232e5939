"""JAX: a value backup as someone would write it who knows the paths beforehand."""

import jax
import jax.numpy as jnp
import numpy as np


def versions():
    return {"jax": jax.__version__}


def random_trees(trees, nodes, seed=3):
    """parent [trees, nodes], -1 for the root: a late one of the earlier nodes, so that paths have some twenty nodes."""
    generator = np.random.default_rng(seed)
    index = np.arange(1, nodes)
    parent = np.full((trees, nodes), -1, np.int32)
    back = generator.integers(1, 41, (trees, nodes - 1))
    parent[:, 1:] = np.maximum(index - back, 0)
    return parent


def paths_of(parent, leaves):
    """[trees, leaves, depth] nodes from each leaf to the root; shorter paths are filled with node `nodes`, which nobody reads."""
    trees, nodes = parent.shape
    rows = np.arange(trees)[:, None]
    at = leaves
    levels = []
    while (at < nodes).any():
        levels.append(at)
        above = parent[rows, np.minimum(at, nodes - 1)]
        at = np.where((at >= nodes) | (above < 0), nodes, above).astype(np.int32)
    return np.stack(levels, axis=2)


def random_leaves(parameters):
    parent = random_trees(parameters["trees"], parameters["nodes"])
    generator = np.random.default_rng(4)
    shape = (parameters["trees"], parameters["leaves"])
    low = parameters["nodes"] * 3 // 4
    batches = [generator.integers(low, parameters["nodes"], shape).astype(np.int32) for _ in range(8)]
    return parent, [(paths_of(parent, leaves), generator.random(shape, np.float32)) for leaves in batches]


def value_backup(parameters):
    """Visits and sums by scatter-add along paths that are given; discounts are powers. Compiled, the trees donated."""
    parent, batches = random_leaves(parameters)
    trees, nodes = parent.shape
    discount = 0.99

    def backup(visits, sums, paths, values):
        discounts = discount ** jnp.arange(paths.shape[2], dtype=jnp.float32)
        rows = jnp.arange(trees)[:, None, None]
        visits = visits.at[rows, paths].add(1)
        return visits, sums.at[rows, paths].add(values[:, :, None] * discounts)

    compiled = jax.jit(backup, donate_argnums=(0, 1))
    on_device = [(jnp.asarray(paths), jnp.asarray(values)) for paths, values in batches]
    state = [jnp.zeros((trees, nodes + 1), jnp.int32), jnp.zeros((trees, nodes + 1), jnp.float32)]

    def run(sample):
        state[:] = jax.block_until_ready(compiled(*state, *on_device[sample % len(on_device)]))

    for sample in range(len(on_device)):
        run(sample)
    assert (np.asarray(state[0])[:, 0] == parameters["leaves"] * len(batches)).all()
    state[:] = [jnp.zeros((trees, nodes + 1), jnp.int32), jnp.zeros((trees, nodes + 1), jnp.float32)]
    return run
