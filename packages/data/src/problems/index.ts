export { describeImage, readImageBytes, readImageFile, type ImageFile, type ImageOrigin } from './image-file.ts';
export type { LoadedProblem } from './loaded-problem.ts';
export { problemFromImage, readProblems } from './problems-jsonl.ts';
