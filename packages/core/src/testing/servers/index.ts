export type { BatchDisturbance, BatchEnding, BatchScript } from './batch-script.ts';
export type { Brain, ServedMessage, ServedRequest, TokenDistribution } from './brain.ts';
export * from './brains/judge-brain.ts';
export * from './brains/policy-brain.ts';
export * from './brains/prm-brain.ts';
export type { ServedModel } from './dialect.ts';
export * from './fault-plan.ts';
export * from './model-server.ts';
export type { QuotaOptions } from './quota.ts';
