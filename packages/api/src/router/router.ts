import { doctorReportSchema } from '../contract/doctor.ts';
import { solveInputSchema, solveOutputSchema } from '../contract/solve.ts';
import { examine } from '../platform/examine.ts';
import { solveImage } from '../platform/solve-image.ts';
import { procedure, router } from './trpc.ts';

/** Every procedure of the server. */
export const appRouter = router({
  /** Machine, kernels, models: what is there, what is not and what to do about it. */
  doctor: procedure.output(doctorReportSchema).query(({ ctx }) => examine(ctx.platform)),
  /** Answers a question about an image with a strategy. */
  solve: procedure
    .input(solveInputSchema)
    .output(solveOutputSchema)
    .mutation(({ ctx, input, signal }) => solveImage(ctx.platform, input, signal)),
});

/** The contract as a type: all that a client imports of the server. */
export type AppRouter = typeof appRouter;
