import { z } from 'zod';

/** How the scores of the steps of a solution become one score. */
export const aggregationSchema = z.enum(['min', 'mean', 'product', 'last', 'max', 'geometricMean']);
export type Aggregation = z.infer<typeof aggregationSchema>;
