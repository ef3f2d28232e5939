export * from './calibration.ts';
export * from './evaluation/index.ts';
export * from './features.ts';
export * from './head-trainer.ts';
export * from './options.ts';
export * from './rows.ts';
export * from './thresholds.ts';
export * from './train.ts';
