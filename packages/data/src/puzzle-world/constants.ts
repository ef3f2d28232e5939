import { createHash } from 'node:crypto';

/**
 * The numbers that make the puzzle world's policy and judge what they are. They are chosen, not fitted to any real
 * model, and frozen: `WORLD_HASH` goes into every report.
 */
export const POLICY = {
  name: 'puzzle-world/policy',
  /** Looks per picture that all samples share, so that misreadings repeat. */
  glimpses: 4,
  gaze: { resolution: 8, aimDeviation: 0.7, sensorNoise: 0.01 },
  eyeTemperature: 0.4,
  /** Softmax score of a rule: weight of the evidence, bias by position, noise per puzzle and per sample. */
  ruleEvidence: 7,
  ruleBias: [0.6, 0, -0.4, -0.4],
  rulePuzzleNoise: 0.6,
  /** How much a misread negation lacks in evidence. */
  countGap: 0.55,
  hardShare: 0.15,
  hardSlip: 0.5,
  easySlip: 0.05,
  answerSlip: 0.03,
} as const;

export const JUDGE = {
  name: 'puzzle-world/judge',
  glimpses: 2,
  gaze: { resolution: 16, aimDeviation: 0.8, sensorNoise: 0.04 },
  /** A claim whose probability is below this is called wrong. */
  claimThreshold: 0.25,
  missedPerception: 0.08,
  missedReasoning: 0.1,
} as const;

/** Hash of all constants of policy and judge. */
export const WORLD_HASH = createHash('sha256').update(JSON.stringify({ POLICY, JUDGE })).digest('hex');
