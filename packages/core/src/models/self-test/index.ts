export * from './judge.ts';
export * from './policy.ts';
export * from './prm.ts';
export { failedFinding, type SelfTestFinding } from './finding.ts';
