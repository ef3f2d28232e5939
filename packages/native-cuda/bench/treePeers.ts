/** The same search as people write it in JavaScript: nodes as objects, and nodes by string id in a Map. */

/** Priors and values of evaluations: that of tree t in simulation s is number s · trees + t. */
export interface Evaluations {
  readonly trees: number;
  readonly simulations: number;
  readonly actions: number;
  /** [number of evaluations, a multiple of `trees`, × actions], used again from the start when they end. */
  readonly priors: Float32Array;
  readonly values: Float64Array;
}

const C_INIT = 1.25;
const C_BASE = 19_652;

function exploration(visits: number): number {
  return (C_INIT + Math.log((visits + C_BASE + 1) / C_BASE)) * Math.sqrt(visits);
}

class ObjectNode {
  readonly parent: ObjectNode | null;
  readonly prior: number;
  visits = 0;
  valueSum = 0;
  children: ObjectNode[] = [];

  constructor(parent: ObjectNode | null, prior: number) {
    this.parent = parent;
    this.prior = prior;
  }
}

function bestObject(node: ObjectNode): ObjectNode {
  const factor = exploration(node.visits);
  let best = node;
  let bestScore = -Infinity;
  for (const child of node.children) {
    const value = child.visits === 0 ? 0 : child.valueSum / child.visits;
    const score = value + (child.prior * factor) / (1 + child.visits);
    if (score > bestScore) {
      bestScore = score;
      best = child;
    }
  }
  return best;
}

/** A tree of objects, one simulation at a time, so that all trees can wait for their evaluations together. */
export class ObjectTree {
  readonly #root = new ObjectNode(null, 1);
  #leaf = this.#root;

  select(): void {
    let leaf = this.#root;
    while (leaf.children.length > 0) leaf = bestObject(leaf);
    this.#leaf = leaf;
  }

  expand({ actions, priors }: Evaluations, evaluation: number): void {
    for (let action = 0; action < actions; action += 1) {
      this.#leaf.children.push(new ObjectNode(this.#leaf, priors[evaluation * actions + action] as number));
    }
  }

  backUp(value: number): void {
    for (let node: ObjectNode | null = this.#leaf; node !== null; node = node.parent) {
      node.visits += 1;
      node.valueSum += value;
    }
  }

  rootVisits(): number[] {
    return this.#root.children.map(({ visits }) => visits);
  }
}

interface MapNode {
  readonly id: string;
  readonly parent: string | null;
  readonly prior: number;
  visits: number;
  valueSum: number;
  children: string[];
}

/** The same with a Map from ids, the path of actions, to nodes. */
export class MapTree {
  readonly #nodes = new Map<string, MapNode>([
    ['root', { id: 'root', parent: null, prior: 1, visits: 0, valueSum: 0, children: [] }],
  ]);
  #leaf = 'root';

  #node(id: string): MapNode {
    return this.#nodes.get(id) as MapNode;
  }

  #best(node: MapNode): MapNode {
    const factor = exploration(node.visits);
    let best = node;
    let bestScore = -Infinity;
    for (const id of node.children) {
      const child = this.#node(id);
      const value = child.visits === 0 ? 0 : child.valueSum / child.visits;
      const score = value + (child.prior * factor) / (1 + child.visits);
      if (score > bestScore) {
        bestScore = score;
        best = child;
      }
    }
    return best;
  }

  select(): void {
    let leaf = this.#node('root');
    while (leaf.children.length > 0) leaf = this.#best(leaf);
    this.#leaf = leaf.id;
  }

  expand({ actions, priors }: Evaluations, evaluation: number): void {
    const leaf = this.#node(this.#leaf);
    for (let action = 0; action < actions; action += 1) {
      const id = `${leaf.id}.${action}`;
      const prior = priors[evaluation * actions + action] as number;
      this.#nodes.set(id, { id, parent: leaf.id, prior, visits: 0, valueSum: 0, children: [] });
      leaf.children.push(id);
    }
  }

  backUp(value: number): void {
    for (let id: string | null = this.#leaf; id !== null;) {
      const node: MapNode = this.#node(id);
      node.visits += 1;
      node.valueSum += value;
      id = node.parent;
    }
  }

  rootVisits(): number[] {
    return this.#node('root').children.map((id) => this.#node(id).visits);
  }
}

export type PeerTree = ObjectTree | MapTree;

/** A search of all trees, wave after wave. */
export function searchPeers(Tree: new () => PeerTree, evaluations: Evaluations): PeerTree[] {
  const trees = Array.from({ length: evaluations.trees }, () => new Tree());
  for (let simulation = 0; simulation < evaluations.simulations; simulation += 1) {
    const begin = (simulation * evaluations.trees) % evaluations.values.length;
    for (const tree of trees) tree.select();
    trees.forEach((tree, i) => tree.expand(evaluations, begin + i));
    trees.forEach((tree, i) => tree.backUp(evaluations.values[begin + i] as number));
  }
  return trees;
}
