export * from './create-gateway.ts';
export * from './gateway.ts';
export * from './service-error.ts';
