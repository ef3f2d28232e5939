import { z } from 'zod';

/** The place of a turn's text in its frame. */
const SLOT = '{text}';
const frame = z.string().refine((text) => text.split(SLOT).length === 2, `must hold ${SLOT} once`);

/** How a chat becomes text: what stands around each turn. */
export const chatTemplateSchema = z.strictObject({
  /** Before everything else. */
  begin: z.string().default(''),
  /** Around the text of a turn, `{text}`. */
  system: frame,
  user: frame,
  assistant: frame,
  /** Opens the turn that the model writes. */
  open: z.string(),
  /** Stands for one image, before the text of its turn. */
  image: z.string(),
});
export type ChatTemplate = z.infer<typeof chatTemplateSchema>;

export const CHAT_TEMPLATE_NAMES = ['qwen2.5-vl'] as const;

const TEMPLATES: Readonly<Record<(typeof CHAT_TEMPLATE_NAMES)[number], ChatTemplate>> = {
  /** `chat_template.json` of https://huggingface.co/Qwen/Qwen2.5-VL-7B-Instruct (ChatML with vision tokens). */
  'qwen2.5-vl': {
    begin: '',
    system: '<|im_start|>system\n{text}<|im_end|>\n',
    user: '<|im_start|>user\n{text}<|im_end|>\n',
    assistant: '<|im_start|>assistant\n{text}<|im_end|>\n',
    open: '<|im_start|>assistant\n',
    image: '<|vision_start|><|image_pad|><|vision_end|>',
  },
};

export function chatTemplateOf(named: ChatTemplate | keyof typeof TEMPLATES): ChatTemplate {
  return typeof named === 'string' ? TEMPLATES[named] : named;
}

/** Puts text into a frame; `$` has no meaning of its own there. */
export function inFrame(template: string, text: string): string {
  return template.replace(SLOT, () => text);
}
