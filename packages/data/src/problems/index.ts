export { describeImage, readImageBytes, readImageFile, type ImageFile, type ImageOrigin } from './image-file.ts';
export type { LoadedProblem } from './loaded-problem.ts';
export { rejectProblem, type ProblemRow, type ProblemSource } from './problem-source.ts';
export { problemFromImage, streamProblems } from './problems-jsonl.ts';
