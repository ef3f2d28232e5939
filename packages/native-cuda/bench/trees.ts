import { kernelsFor, type BackendName } from '../src/backends.ts';
import { Random } from '../src/conformance/random.ts';
import { expandNodes } from '../src/ops/expandNodes.ts';
import { puctSelect } from '../src/ops/puctSelect.ts';
import { planValueBackup, valueBackup } from '../src/ops/valueBackup.ts';
import { TreeBatch } from '../src/trees/tree-batch.ts';
import type { OpBench } from './context.ts';
import type { Peer } from './measure.ts';
import { cpuKernel } from './native.ts';
import { MapTree, ObjectTree, searchPeers, type Evaluations } from './treePeers.ts';

/** [trees, simulations, actions] of whole searches. */
const SEARCHES = [
  [1024, 256, 4],
  [64, 256, 4],
  [1024, 1024, 8],
] as const;

function evaluations(trees: number, simulations: number, actions: number): Evaluations {
  const random = new Random(6);
  const count = 16 * trees;
  const priors = new Float32Array(count * actions);
  for (let i = 0; i < count; i += 1) {
    const weights = Array.from({ length: actions }, () => -Math.log(1 - random.uniform()));
    const total = weights.reduce((a, b) => a + b, 0);
    weights.forEach((weight, action) => (priors[i * actions + action] = weight / total));
  }
  return { trees, simulations, actions, priors, values: Float64Array.from({ length: count }, () => random.uniform()) };
}

/** Whole searches, one leaf a tree and wave, with evaluations that cost nothing. */
class ZeroLatencySearch {
  readonly batch: TreeBatch;
  readonly #evaluations: Evaluations;
  readonly #childOffsets: Int32Array;

  constructor(given: Evaluations) {
    const { trees, simulations, actions } = given;
    this.#evaluations = given;
    this.batch = new TreeBatch({ trees, capacity: 1 + simulations * actions });
    this.#childOffsets = Int32Array.from({ length: trees + 1 }, (_, i) => i * actions);
  }

  run(backend: BackendName, threads: number): void {
    const { batch } = this;
    const { trees, simulations, actions, priors, values } = this.#evaluations;
    const options = { backend, threads };
    for (let tree = 0; tree < trees; tree += 1) batch.clear(tree);
    for (let simulation = 0; simulation < simulations; simulation += 1) {
      const begin = (simulation * trees) % values.length;
      const wave = puctSelect({ batch }, options);
      const children = priors.subarray(begin * actions, (begin + trees) * actions);
      expandNodes({ batch, ...wave, childOffsets: this.#childOffsets, priors: children }, options);
      valueBackup({ batch, ...wave, values: values.subarray(begin, begin + trees) }, options);
    }
  }

  /** Visits of the children of a root. */
  rootVisits(tree: number): number[] {
    const { firstChild, childCount } = this.batch.node(tree, 0);
    return Array.from({ length: childCount }, (_, i) => this.batch.node(tree, firstChild + i).visits);
  }
}

/** The peers round no values, so a close choice may differ; apart from that the searches must be the same. */
function checkPeers(search: ZeroLatencySearch, given: Evaluations): void {
  search.run('cpu', 1);
  for (const Tree of [ObjectTree, MapTree]) {
    const trees = searchPeers(Tree, given);
    const equal = trees.filter((tree, i) => tree.rootVisits().join() === search.rootVisits(i).join());
    if (equal.length < 0.9 * trees.length) throw new Error(`${Tree.name} searches otherwise`);
  }
}

export const treeSearchBench: OpBench = function* ({ threadCounts }) {
  for (const [trees, simulations, actions] of SEARCHES) {
    const given = evaluations(trees, simulations, actions);
    const search = new ZeroLatencySearch(given);
    const small = trees * simulations * actions <= 2 ** 20;
    if (small) checkPeers(search, given);
    for (const threads of threadCounts) {
      const parameters = { threads, trees, simulations, actions };
      const objects: Peer[] = [
        { peer: 'object tree', tier: 'as-used', run: () => void searchPeers(ObjectTree, given), samples: 6 },
        { peer: 'Map tree by string id', tier: 'as-used', run: () => void searchPeers(MapTree, given), samples: 3 },
      ];
      const mctx: Peer = {
        peer: 'mctx muzero_policy, jitted',
        tier: 'as-used',
        python: { case: 'mctx_peers.tree_search', parameters },
        samples: 5,
      };
      yield {
        name: `tree search ${trees}x${simulations}x${actions}`,
        subject: 'cpu backend through the public functions',
        threads,
        work: `${trees} trees, ${simulations} simulations of one leaf, ${actions} children each: select, expand, back up; evaluations precomputed`,
        run: () => search.run('cpu', threads),
        peers: [
          { peer: 'js backend, typed arrays', tier: 'best-tuned', run: () => search.run('js', 1) },
          ...(small ? objects : []),
          ...(trees <= 64 ? [mctx] : []),
        ],
        samples: small ? 20 : 8,
      };
    }
  }
};

/** [trees, nodes] of the trees that values are backed up in. */
const BACKUP = [4096, 512] as const;
const CHILDREN = 4;

/** Random trees: two expansions in five are of a child made last, so that leaves lie some twenty edges deep. */
function backupTrees(random: Random): { batch: TreeBatch; leaves: number[][] } {
  const [trees, capacity] = BACKUP;
  const batch = new TreeBatch({ trees, capacity });
  const leaves = Array.from({ length: trees }, () => [0]);
  const childOffsets = Int32Array.from({ length: trees + 1 }, (_, i) => i * CHILDREN);
  const priors = new Float32Array(CHILDREN * trees).fill(1 / CHILDREN);
  while (batch.size(0) + CHILDREN <= capacity) {
    const chosen = Int32Array.from(leaves, (open) => {
      const newest = random.uniform() < 0.4;
      const at = newest ? open.length - 1 : random.integer(0, open.length - 1);
      const [leaf = 0] = open.splice(at, 1);
      return leaf;
    });
    const first = expandNodes({ batch, leaves: chosen, childOffsets, priors }, { backend: 'cpu' });
    leaves.forEach((open, tree) => {
      for (let child = 0; child < CHILDREN; child += 1) open.push((first[tree] as number) + child);
    });
  }
  return { batch, leaves };
}

export const valueBackupBench: OpBench = function* ({ threadCounts }) {
  const random = new Random(8);
  const { batch, leaves } = backupTrees(random);
  const [trees, nodes] = BACKUP;
  for (const leavesPerTree of [1, 64]) {
    const length = trees * leavesPerTree;
    const pool = Array.from({ length: 8 }, () => {
      const chosen = Int32Array.from({ length }, (_, entry) => {
        const open = leaves[Math.floor(entry / leavesPerTree)] as number[];
        return open[random.integer(0, open.length - 1)] as number;
      });
      const values = Float64Array.from({ length }, () => random.uniform());
      return planValueBackup({ batch, leaves: chosen, values, selected: false });
    });
    const plan = (sample: number): (typeof pool)[number] => pool[sample % pool.length] as (typeof pool)[number];
    const edges = plan(0).wave.leaves.reduce((sum, leaf, entry) => {
      return sum + batch.pathTo(Math.floor(entry / leavesPerTree), leaf).length;
    }, 0);
    const mean = (edges / length).toFixed(1);
    const js = kernelsFor('valueBackup', { backend: 'js' });
    for (const threads of threadCounts) {
      const kernel = cpuKernel('valueBackup', threads);
      const parameters = { threads, trees, nodes, leaves: leavesPerTree };
      const mctx: Peer = {
        peer: 'mctx backward, jitted',
        tier: 'as-used',
        python: { case: 'mctx_peers.value_backup', parameters },
        samples: 5,
      };
      yield {
        name: `valueBackup ${trees}x${nodes}, ${leavesPerTree} ${leavesPerTree === 1 ? 'leaf' : 'leaves'}`,
        subject: 'cpu backend',
        threads,
        work: `${length} values in ${trees} trees of ${nodes} nodes, paths of ${mean} nodes`,
        run: (sample) => kernel(plan(sample)),
        peers: [
          { peer: 'js backend, typed arrays', tier: 'best-tuned', run: (sample) => js.valueBackup(plan(sample)) },
          {
            peer: 'JAX scatter, paths given, jitted',
            tier: 'best-tuned',
            python: { case: 'jax_peers.value_backup', parameters },
            note: 'its values are discounted, which costs it one product per path node',
          },
          ...(leavesPerTree === 1 ? [mctx] : []),
        ],
        samples: 40,
      };
    }
  }
};
