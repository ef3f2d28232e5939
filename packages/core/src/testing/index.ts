export * from './conformance/index.ts';
export { ScriptedFailure, type Faults } from './faults.ts';
export * from './scripted-judge.ts';
export * from './scripted-policy.ts';
export * from './scripted-prm.ts';
export * from './servers/index.ts';
export * from './tricky-solutions.ts';
