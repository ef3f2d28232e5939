export { createProgram, runCommandLine } from './command-line.ts';
export { assembleReport } from './report/assemble.ts';
export { gallerySchema, type Gallery } from './report/gallery-schema.ts';
export { reportPage } from './report/html/page.ts';
export { reportSchema, type Report } from './report/report-schema.ts';
