export { doctorReportSchema, type DoctorCheck, type DoctorReport } from './contract/doctor.ts';
export { toTrpcError, toWireError, type WireError } from './contract/errors.ts';
export {
  MAX_IMAGE_BYTES,
  solveInputSchema,
  solveOutputSchema,
  type SolveInput,
  type SolveOutput,
} from './contract/solve.ts';
export * from './platform/index.ts';
export { appRouter, type AppRouter } from './router/router.ts';
export { createServer, startServer, type RunningServer, type ServerOptions } from './server/server.ts';
