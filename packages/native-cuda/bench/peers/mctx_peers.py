"""mctx as it is shipped (https://github.com/google-deepmind/mctx), compiled."""

import importlib.metadata

import jax
import jax.numpy as jnp
import mctx
from mctx._src import search

from jax_peers import random_leaves


def versions():
    return {"jax": jax.__version__, "mctx": importlib.metadata.version("mctx")}


def tree_search(parameters):
    """Whole searches with evaluations from a table, and values that are used as they are, in [0, 1]."""
    trees, simulations, actions = parameters["trees"], parameters["simulations"], parameters["actions"]
    keys = jax.random.split(jax.random.PRNGKey(6), 2)
    table = jax.random.normal(keys[0], (16 * trees, actions))
    values = jax.random.uniform(keys[1], (16 * trees,))

    def evaluate(embedding):
        at = embedding % values.shape[0]
        return table[at], values[at]

    def recurrent(_, __, action, embedding):
        following = embedding * actions + action + 1
        logits, value = evaluate(following)
        zeros = jnp.zeros(trees)
        return mctx.RecurrentFnOutput(reward=zeros, discount=zeros + 1, prior_logits=logits, value=value), following

    @jax.jit
    def policy(key):
        start = jnp.arange(trees, dtype=jnp.int32)
        logits, value = evaluate(start)
        root = mctx.RootFnOutput(prior_logits=logits, value=value, embedding=start)
        transform = lambda tree, node: mctx.qtransform_by_min_max(tree, node, min_value=0.0, max_value=1.0)
        output = mctx.muzero_policy(
            None, key, root, recurrent, simulations, dirichlet_fraction=0.0, qtransform=transform, max_depth=simulations
        )
        return output.action_weights

    key = jax.random.PRNGKey(0)

    def run(_):
        return jax.block_until_ready(policy(key))

    weights = run(0)
    assert weights.shape == (trees, actions) and bool(jnp.allclose(weights.sum(axis=1), 1, atol=1e-5))
    return run


def value_backup(parameters):
    """`backward` of one leaf a tree, vectorised over the trees as mctx does it, the trees donated."""
    assert parameters["leaves"] == 1, "backward takes one leaf a tree"
    parent, batches = random_leaves(parameters)
    trees, nodes = parent.shape
    actions = 4
    root = mctx.RootFnOutput(prior_logits=jnp.zeros((trees, actions)), value=jnp.zeros(trees), embedding=jnp.zeros(trees))
    empty = search.instantiate_tree_from_root(root, nodes - 1, jnp.zeros((trees, actions), bool), None)
    index = jnp.arange(nodes)
    tree = empty.replace(
        parents=jnp.asarray(parent),
        action_from_parent=jnp.where(index == 0, -1, index % actions) + jnp.zeros((trees, 1), jnp.int32),
        children_discounts=jnp.full_like(empty.children_discounts, 0.99),
    )
    compiled = jax.jit(search.backward, donate_argnums=0)
    leaves = [jnp.asarray(paths[:, 0, 0]) for paths, _ in batches]
    # Everything in one donated buffer each: what shares memory cannot be donated.
    state = [jax.tree.map(jnp.copy, tree)]

    def run(sample):
        state[0] = jax.block_until_ready(compiled(state[0], leaves[sample % len(leaves)]))

    run(0)
    assert bool((state[0].node_visits[:, 0] == empty.node_visits[:, 0] + 1).all())
    return run
