import { setMaxListeners } from 'node:events';
import { VlprmError } from '../errors.ts';
import { onAbort } from './abort.ts';

const isSpent = (error: unknown): error is VlprmError => VlprmError.is(error) && error.code === 'ERR_BUDGET';

/**
 * Works on all items at once. What one of them throws aborts the others and is thrown; ERR_BUDGET is thrown once the others
 * have ended, because what is in flight by then is paid for.
 */
export async function allAtOnce<Item, Result>(
  items: readonly Item[],
  signal: AbortSignal | undefined,
  work: (item: Item, signal: AbortSignal) => Promise<Result>,
): Promise<Result[]> {
  const own = new AbortController();
  setMaxListeners(0, own.signal);
  const unlink = onAbort(signal, () => own.abort(signal?.reason));
  const spent: VlprmError[] = [];
  const workOn = async (item: Item): Promise<Result | undefined> => {
    try {
      return await work(item, own.signal);
    } catch (error) {
      if (!isSpent(error)) throw error;
      spent.push(error);
      return undefined;
    }
  };
  try {
    const results = await Promise.all(items.map(workOn));
    if (spent[0] !== undefined) throw spent[0];
    return results as Result[];
  } catch (error) {
    own.abort(error);
    throw error;
  } finally {
    unlink();
  }
}
