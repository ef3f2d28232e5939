export * from './capabilities.ts';
export * from './chat.ts';
export { malformed, readAnswer } from './dialects/answer-json.ts';
export * from './endpoint-config.ts';
export * from './estimate.ts';
export { createImageEncoder, type ImageEncoder } from './image-url.ts';
export * from './model-service.ts';
export * from './probe/index.ts';
export { openModelService, type ModelServiceOptions, type PooledModelService } from './service.ts';
