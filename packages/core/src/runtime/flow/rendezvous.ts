import { seedFrom } from '../random.ts';

const TWO_POW_53 = 2 ** 53;

/**
 * Weighted rendezvous hashing: for every key an order of all nodes, in which each is first for a share of the keys
 * that is proportional to its weight; a node that goes leaves the order of the others as it was.
 * D. Thaler, C. Ravishankar: https://doi.org/10.1109/90.663936; weights: C. Schindelhauer, G. Schomaker, "Weighted
 * distributed hash tables" (the logarithmic method), https://doi.org/10.1145/1073970.1074008
 */
export function rendezvous<Node extends { readonly name: string; readonly weight: number }>(
  nodes: readonly Node[],
): (key: string) => readonly Node[] {
  if (nodes.length === 1) return () => nodes;
  const seeds = nodes.map((node) => ({ node, seed: seedFrom(node.name) }));
  return (key) => {
    const hash = seedFrom(key);
    return seeds
      .map(({ node, seed }) => ({ node, score: -node.weight / Math.log((seedFrom(hash, seed) + 0.5) / TWO_POW_53) }))
      .sort((a, b) => b.score - a.score)
      .map(({ node }) => node);
  };
}
