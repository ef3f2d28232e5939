/** AbortSignals as flags in shared memory, which native code polls between chunks. */

interface Watch {
  readonly flag: Int32Array;
  readonly raise: () => void;
  jobs: number;
}

/** One flag and one listener a signal, however many jobs share it. */
const watches = new WeakMap<AbortSignal, Watch>();

function newFlag(): Int32Array {
  return new Int32Array(new SharedArrayBuffer(4));
}

function watched(signal: AbortSignal): Watch {
  const known = watches.get(signal);
  if (known !== undefined) return known;
  const flag = newFlag();
  const watch: Watch = { flag, raise: () => void Atomics.store(flag, 0, 1), jobs: 0 };
  watches.set(signal, watch);
  signal.addEventListener('abort', watch.raise, { once: true });
  return watch;
}

function release(signal: AbortSignal, watch: Watch): void {
  watch.jobs -= 1;
  if (watch.jobs > 0) return;
  signal.removeEventListener('abort', watch.raise);
  watches.delete(signal);
}

/** Runs a job with a flag that the signal raises. A job that ended by it (code ABORT_ERR) rejects with the signal's reason. */
export async function abortable<T>(
  signal: AbortSignal | undefined,
  job: (abort: Int32Array) => Promise<T>,
): Promise<T> {
  if (signal === undefined) return job(newFlag());
  signal.throwIfAborted();
  const watch = watched(signal);
  watch.jobs += 1;
  try {
    return await job(watch.flag);
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ABORT_ERR') signal.throwIfAborted();
    throw error;
  } finally {
    release(signal, watch);
  }
}
