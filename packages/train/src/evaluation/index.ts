export * from './calibration-error.ts';
export * from './error-detection.ts';
export * from './evaluation-item.ts';
export * from './ranking.ts';
export * from './scored-step.ts';
export * from './suite.ts';
