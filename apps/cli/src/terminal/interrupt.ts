import { EXIT } from '@vlprm/core/runtime';

/** A second signal within this time is the terminal's copy of the first one. */
const SAME_KEYPRESS_MS = 1_000;

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * A signal that fires when the process is asked to stop, so that a run can end at a place from which it goes on.
 * Asked again more than a second later, the process ends at once.
 * @param notice told once, at the first request
 */
export function interruptSignal(notice: () => void): { signal: AbortSignal; release: () => void } {
  const controller = new AbortController();
  let askedAt: number | null = null;
  const onSignal = (): void => {
    if (askedAt === null) {
      askedAt = Date.now();
      notice();
      controller.abort(new Error('interrupted'));
    } else if (Date.now() - askedAt > SAME_KEYPRESS_MS) {
      process.exit(EXIT.interrupted);
    }
  };
  for (const name of SIGNALS) process.on(name, onSignal);
  return {
    signal: controller.signal,
    release: () => {
      for (const name of SIGNALS) process.off(name, onSignal);
    },
  };
}
