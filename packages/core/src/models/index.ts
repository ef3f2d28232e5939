export * from './image.ts';
export * from './ports.ts';
