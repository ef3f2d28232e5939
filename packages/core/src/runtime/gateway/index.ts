export * from './gateway.ts';
export * from './service-error.ts';
