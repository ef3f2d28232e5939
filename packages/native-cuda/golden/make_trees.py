"""Golden search trees from implementations that share nothing with the kernels: mctx (JAX, float32), and NumPy (float64) for what
mctx does not do: discounts on the way up, maxima, UCT, virtual visits, several leaves a wave. Every choice is recorded with its
margin, the distance between the best score and the second.

    pip install mctx numpy && python make_trees.py trees.json
"""

import json
import sys
from importlib.metadata import version

import jax
import jax.numpy as jnp
import mctx
import numpy as np

SEED = 20261122
C_INIT, C_BASE = 1.25, 19652


class Tree:
    """Nodes as rows of NumPy arrays, scores as the papers print them."""

    def __init__(self, rules, actions, expansions):
        size = 1 + actions * expansions
        self.rules, self.actions, self.used, self.expanded = rules, actions, 1, {}
        self.parent = np.full(size, -1)
        self.prior = np.ones(size)
        self.visits, self.pending = np.zeros(size), np.zeros(size)
        self.total, self.best = np.zeros(size), np.full(size, -np.inf)

    def value(self, nodes):
        """Mean or maximum, with a virtual visit counting as `virtualValue`; NaN without visits."""
        maximum = np.where(self.visits[nodes] > 0, self.best[nodes], 0) * self.visits[nodes]
        real = self.total[nodes] if self.rules["nodeValue"] == "mean" else maximum
        with np.errstate(invalid="ignore"):
            return (real + self.pending[nodes] * self.rules["virtualValue"]) / (self.visits[nodes] + self.pending[nodes])

    def scores(self, node):
        children = self.expanded[node] + np.arange(self.actions)
        above = self.visits[node] + self.pending[node]
        n = self.visits[children] + self.pending[children]
        if self.rules["kind"] == "uct":
            with np.errstate(divide="ignore", invalid="ignore"):
                return np.where(n == 0, np.inf, self.value(children) + self.rules["c"] * np.sqrt(np.log(above) / n))
        rate = self.rules["c"] if self.rules["c"] is not None else C_INIT + np.log((above + C_BASE + 1) / C_BASE)
        first = self.rules["firstPlay"]
        unvisited = self.value(node) - first["belowParent"] if isinstance(first, dict) else first
        q = np.where(n == 0, unvisited, self.value(children))
        return q + rate * self.prior[children] * np.sqrt(above) / (1 + n)

    def select(self):
        """One descent: the leaf, and the smallest margin on the way (of children that are all new, the first is meant)."""
        node, margin, path = 0, np.inf, [0]
        while node in self.expanded:
            scores = self.scores(node)
            choice = int(np.argmax(scores))
            others = np.delete(scores, choice)
            gap = np.inf if np.isinf(scores[choice]) or others.size == 0 else scores[choice] - others.max()
            node, margin = self.expanded[node] + choice, min(margin, gap)
            path.append(node)
        self.pending[path] += 1
        return node, margin

    def expand(self, leaf, priors):
        if leaf in self.expanded:
            return
        self.expanded[leaf] = self.used
        children = self.used + np.arange(self.actions)
        self.parent[children], self.prior[children] = leaf, priors
        self.used += self.actions

    def back_up(self, leaf, value, discount):
        while leaf >= 0:
            self.visits[leaf] += 1
            self.pending[leaf] -= 1
            self.total[leaf] += value
            self.best[leaf] = max(self.best[leaf], value)
            leaf, value = self.parent[leaf], value * discount


def record(name, source, rules, discount, leaves_per_tree, priors, values):
    """Searches with the given evaluations, the i-th for the i-th leaf; leaf 0 is the root, alone in its wave."""
    tree = Tree(rules, priors.shape[1], len(values))
    leaves, margins, wave = [], [], []
    for i, (prior, value) in enumerate(zip(priors, values)):
        if not wave:
            selected = [tree.select() for _ in range(1 if i == 0 else leaves_per_tree)]
            wave = [leaf for leaf, _ in selected]
            leaves += wave
            margins += [min(margin, 1.0) for _, margin in selected]
            pairs = []
        pairs.append((wave.pop(0), prior, value))
        if wave:
            continue
        for leaf, p, _ in pairs:
            tree.expand(leaf, p)
        for leaf, _, v in pairs:
            tree.back_up(leaf, v, discount)
    used = slice(0, tree.used)
    return {
        "name": name,
        "source": source,
        "rules": rules,
        "discount": discount,
        "leavesPerTree": leaves_per_tree,
        "priors": priors.tolist(),
        "values": values.tolist(),
        "leaves": [int(leaf) for leaf in leaves],
        "margins": [float(f"{margin:.3g}") for margin in margins],
        "visits": tree.visits[used].astype(int).tolist(),
        "means": [None if n == 0 else t / n for n, t in zip(tree.visits[used], tree.total[used])],
        "maxima": [None if n == 0 else m for n, m in zip(tree.visits[used], tree.best[used])],
    }


PUCT = {"kind": "puct", "c": None, "nodeValue": "mean", "virtualValue": 0, "firstPlay": 0}


def mctx_trees(batch, actions, simulations, seed):
    """muzero_policy without Dirichlet noise, Q as it is (unvisited = 0), no rewards, discount 1. mctx adds noise below 1e-7 to break ties."""
    key = jax.random.PRNGKey(seed)

    def evaluate(state):
        prior_key, value_key = jax.random.split(jax.random.fold_in(key, state))
        return 1.5 * jax.random.normal(prior_key, (actions,)), jax.random.uniform(value_key)

    def recurrent(_, rng, action, state):
        state = (state * 31 + action + 1) % 1_000_003
        logits, value = jax.vmap(evaluate)(state)
        ones = jnp.ones_like(value)
        return mctx.RecurrentFnOutput(reward=0 * ones, discount=ones, prior_logits=logits, value=value), state

    states = jnp.arange(batch) * 7 + 1
    logits, values = jax.vmap(evaluate)(states)
    found = mctx.muzero_policy(
        params=None,
        rng_key=key,
        root=mctx.RootFnOutput(prior_logits=logits, value=values, embedding=states),
        recurrent_fn=recurrent,
        num_simulations=simulations,
        dirichlet_fraction=0.0,
        qtransform=lambda tree, node: tree.qvalues(node),
        pb_c_init=C_INIT,
        pb_c_base=C_BASE,
    ).search_tree
    priors = np.asarray(jax.nn.softmax(found.children_prior_logits, axis=-1))
    for i in range(batch):
        parents, actions_from = np.asarray(found.parents[i]), np.asarray(found.action_from_parent[i])
        tree = record(f"mctx {seed}.{i}", "mctx", PUCT, 1, 1, priors[i], np.asarray(found.raw_values[i]))
        # mctx numbers its nodes as they are evaluated; here the children of the e-th evaluated node begin at 1 + actions * e.
        leaves = [0] + [int(1 + actions * p + a) for p, a in zip(parents[1:], actions_from[1:])]
        clear = np.cumprod(np.asarray(tree["margins"]) > 1e-5).astype(bool)
        assert [x for x, c in zip(tree["leaves"], clear) if c] == [x for x, c in zip(leaves, clear) if c]
        if clear.all():
            visits = [int(tree["visits"][leaf]) for leaf in leaves]
            assert visits == np.asarray(found.node_visits[i]).tolist()
            assert np.allclose([tree["means"][leaf] for leaf in leaves], found.node_values[i], atol=1e-5)
        tree["leaves"] = leaves
        yield tree


def numpy_trees(random):
    below = {"belowParent": 0.2}
    cases = [
        ("discount", PUCT, 0.9, 1),
        ("discount, waves", PUCT, 0.97, 4),
        ("virtual loss", PUCT | {"virtualValue": -1}, 1, 8),
        ("maximum", PUCT | {"nodeValue": "max"}, 0.95, 3),
        ("first play below the parent", PUCT | {"firstPlay": below}, 1, 2),
        ("constant rate", PUCT | {"c": 0.8, "firstPlay": 0.5}, 1, 1),
        ("UCT", PUCT | {"kind": "uct", "c": 1.0}, 1, 1),
        ("UCT, waves", PUCT | {"kind": "uct", "c": 0.7, "virtualValue": -0.5}, 0.9, 4),
    ]
    for name, rules, discount, leaves_per_tree in cases:
        for repeat in range(2):
            actions = int(random.integers(2, 7))
            evaluations = 1 + 12 * leaves_per_tree if leaves_per_tree > 1 else 49
            priors = random.dirichlet(np.full(actions, 0.6), evaluations).astype(np.float32)
            values = random.uniform(-1, 1, evaluations)
            yield record(f"{name} {repeat}", "numpy", rules, discount, leaves_per_tree, priors, values)


trees = [*mctx_trees(4, 4, 60, SEED), *mctx_trees(3, 9, 40, SEED + 1), *numpy_trees(np.random.default_rng(SEED))]
made = {"seed": SEED, "versions": {name: version(name) for name in ("mctx", "jax", "numpy")}}
with open(sys.argv[1], "w") as file:
    file.write(json.dumps({"schema": "vlprm.golden-trees/1", "made": made, "trees": trees}) + "\n")
for tree in trees:
    print(f"{tree['name']}: {len(tree['leaves'])} leaves, smallest margin {min(tree['margins'])}")
