import { byPhase, byRateKind, ERROR_RATES_SCHEMA, type ErrorRates } from '../consensus/error-rates.ts';

/** Rates under which a drop of the success rate and a flag of `judge-a` both point to an error. */
export function plainErrorRates(options: { readonly siblings: boolean }): ErrorRates {
  return {
    schema: ERROR_RATES_SCHEMA,
    audits: 30,
    auditors: ['someone'],
    temperature: 1,
    levels: [0.05, 0.95],
    initial: [0.2, 0.8],
    kinds: byRateKind(() => ({
      hazard: 0.2,
      flags: { 'judge-a': { right: 0.02, error: 0.7, after: 0.2 } },
      transitions: {
        right: [
          [0.6, 0.4],
          [0.1, 0.9],
        ],
        error: [
          [0.95, 0.05],
          [0.7, 0.3],
        ],
        after: [
          [0.9, 0.1],
          [0.1, 0.9],
        ],
      },
      siblings: options.siblings ? byPhase((phase) => (phase === 'right' ? [0.1, 0.9] : [0.8, 0.2])) : null,
    })),
  };
}
