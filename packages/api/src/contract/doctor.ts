import { capabilityRecordSchema } from '@vlprm/core/models/endpoints';
import { z } from 'zod';

const capabilitiesSchema = z.object({ images: z.boolean(), maxSteps: z.int().nullable() });

const hostSpeedSchema = z.object({
  callSeconds: z.number(),
  bytesPerSecond: z.number(),
  bytesPerSecondThreaded: z.number(),
});

const portSchema = z.object({ name: z.string(), capabilities: capabilitiesSchema });

/** One thing that was looked at: `ok`, `missing` (works without, less well) or `failed`, and what to do about it. */
export const doctorCheckSchema = z.object({
  name: z.string(),
  status: z.enum(['ok', 'missing', 'failed']),
  detail: z.string(),
  fix: z.string().nullable(),
});
export type DoctorCheck = z.infer<typeof doctorCheckSchema>;

export const doctorReportSchema = z.object({
  /** False when any check failed. */
  ok: z.boolean(),
  node: z.string(),
  machine: z.object({ os: z.string(), cpu: z.string(), cores: z.int(), memoryBytes: z.number() }),
  kernels: z.object({
    active: z.string(),
    backends: z.array(
      z.object({
        name: z.string(),
        available: z.boolean(),
        detail: z.string().nullable(),
        /** Why it is not available. */
        reason: z.string().nullable(),
      }),
    ),
    /** Of cpu, when `VLPRM_THREADS` bounds them. */
    threads: z.int().nullable(),
    /** Measured now, on rows of f32; null where the backend is not there. */
    speed: z.object({
      js: hostSpeedSchema,
      cpu: hostSpeedSchema.nullable(),
      cuda: z.object({ uploadBytesPerSecond: z.number(), downloadBytesPerSecond: z.number() }).nullable(),
    }),
    /** Calls that read more on cpu leave the event loop. */
    longCallBytes: z.number().nullable(),
  }),
  onnxruntime: z.object({ available: z.boolean(), version: z.string().nullable(), reason: z.string().nullable() }),
  policy: portSchema.nullable(),
  judge: portSchema.nullable(),
  prm: portSchema.extend({ path: z.string(), threshold: z.number() }).nullable(),
  /** Servers behind policy, judge and PRM, as they were found now. */
  endpoints: z.array(
    z.object({
      name: z.string(),
      kind: z.string(),
      model: z.string(),
      baseUrl: z.string(),
      /** Null when the endpoint cannot be used. */
      record: capabilityRecordSchema.nullable(),
    }),
  ),
  /** Ids that `solve` accepts now; without a PRM, those that need none. */
  strategies: z.array(z.string()),
  checks: z.array(doctorCheckSchema),
});
export type DoctorReport = z.infer<typeof doctorReportSchema>;
