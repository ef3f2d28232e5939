import { z } from 'zod';
import { stepKindSchema, stepValueSchema } from '@vlprm/core/records';

export const GALLERY_SCHEMA = 'vlprm.gallery/1';

export const galleryStepSchema = z.object({
  kind: stepKindSchema.nullable(),
  text: z.string(),
  /** Calibrated probability of the hybrid-trained PRM that the step is right. */
  p: z.number().min(0).max(1),
  /** True or false by the scene for this step alone. */
  right: z.boolean(),
  /** 1 right, -1 wrong, null when the judge had stopped. */
  judge: z.union([z.literal(1), z.literal(0), z.literal(-1), z.null()]),
  mc: stepValueSchema.nullable(),
});
export type GalleryStep = z.infer<typeof galleryStepSchema>;

export const gallerySolutionSchema = z.object({
  /** Why this solution is shown, e.g. `picked by the PRM`. */
  role: z.string(),
  steps: z.array(galleryStepSchema).min(1),
  finalAnswer: z.string().nullable(),
  answerRight: z.boolean(),
  /** Score of the whole solution read at once. */
  oneShot: z.number().min(0).max(1),
});
export type GallerySolution = z.infer<typeof gallerySolutionSchema>;

export const galleryItemSchema = z.object({
  problemId: z.string(),
  family: z.string(),
  question: z.string(),
  answer: z.string(),
  /** PNG as base64, and its size in pixels. */
  png: z.string(),
  width: z.int().positive(),
  height: z.int().positive(),
  /** What the picture shows, for readers who cannot see it. */
  alt: z.string(),
  caption: z.string(),
  solutions: z.array(gallerySolutionSchema).min(1),
});
export type GalleryItem = z.infer<typeof galleryItemSchema>;

/** Puzzles shown in `report.html`: the picture, and solutions with every step's score, labels and truth. */
export const gallerySchema = z.object({
  schema: z.literal(GALLERY_SCHEMA),
  threshold: z.number(),
  items: z.array(galleryItemSchema),
});
export type Gallery = z.infer<typeof gallerySchema>;
