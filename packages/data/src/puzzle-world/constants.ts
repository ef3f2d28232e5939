import { createHash } from 'node:crypto';

/**
 * The numbers that make the puzzle world's policy and judge what they are. They are chosen, not fitted to any real
 * model, and frozen: `WORLD_HASH` goes into every report.
 */
export const POLICY = {
  eye: { file: 'policy-eye.onnx', sha256: '96e331f6cb7055f3700bb12af0a029ca6ab2d79e79ee7ab1eeb90ac306037fa1' },
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
  eye: { file: 'judge-eye.onnx', sha256: '61e2fce45b3865989873975b8338a6e26a725365a883811d15ee97a760d185b4' },
  glimpses: 2,
  gaze: { resolution: 16, aimDeviation: 0.8, sensorNoise: 0.04 },
  /** A claim whose probability is below this is called wrong. */
  claimThreshold: 0.25,
  missedPerception: 0.08,
  missedReasoning: 0.1,
} as const;

/** Hash of all constants of policy and judge, their trained eyes included. */
export const WORLD_HASH = createHash('sha256').update(JSON.stringify({ POLICY, JUDGE })).digest('hex');

/** Names carry the world's hash, so that whatever one version of it has said is never taken for another's. */
export const POLICY_NAME = `puzzle-world/policy@${WORLD_HASH.slice(0, 8)}`;
export const JUDGE_NAME = `puzzle-world/judge@${WORLD_HASH.slice(0, 8)}`;
