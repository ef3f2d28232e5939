export * from './capabilities.ts';
export * from './chat.ts';
export * from './endpoint-config.ts';
export * from './model-service.ts';
