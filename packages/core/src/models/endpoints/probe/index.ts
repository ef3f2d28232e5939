export * from './capability-cache.ts';
export * from './capability-record.ts';
export * from './probe.ts';
export * from './server-version.ts';
