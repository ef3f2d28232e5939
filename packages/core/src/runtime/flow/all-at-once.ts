import { setMaxListeners } from 'node:events';
import { onAbort } from './abort.ts';

/** Works on all items at once. What one of them throws aborts the others and is thrown. */
export async function allAtOnce<Item, Result>(
  items: readonly Item[],
  signal: AbortSignal | undefined,
  work: (item: Item, signal: AbortSignal) => Promise<Result>,
): Promise<Result[]> {
  const own = new AbortController();
  setMaxListeners(0, own.signal);
  const unlink = onAbort(signal, () => own.abort(signal?.reason));
  try {
    return await Promise.all(items.map((item) => work(item, own.signal)));
  } catch (error) {
    own.abort(error);
    throw error;
  } finally {
    unlink();
  }
}
