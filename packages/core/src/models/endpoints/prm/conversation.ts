import { prmInstruction } from '../../../text/prompts.ts';
import { prmTurns } from '../../../text/step-grammar.ts';
import type { Solution } from '../../ports.ts';
import type { ChatMessage } from '../chat.ts';
import { messageText } from '../dialects/openai-messages.ts';
import type { PrmEndpointConfig } from '../endpoint-config.ts';
import type { WireBody } from '../model-service.ts';
import { problemImages, type ProblemImages } from '../problem-images.ts';
import { chatTemplateOf, inFrame } from './chat-template.ts';

/**
 * The conversation that a generative PRM was trained with (VL-PRM, arXiv 2509.23250): one step a turn, the images before
 * the text of the first, and after each step the model's label.
 */
export interface PrmConversation {
  /** Null for none. */
  readonly instruction: string | null;
  readonly images: ProblemImages;
  /** [steps] texts of the user's turns. */
  readonly turns: readonly string[];
}

/** Errors as `prmTurns` and `problemImages`. */
export function prmConversation(solution: Solution, config: PrmEndpointConfig): PrmConversation {
  const instruction = config.instruction ?? prmInstruction(config.labels);
  return {
    instruction: instruction === '' ? null : instruction,
    images: problemImages(solution),
    turns: prmTurns(solution.problem.question, solution.steps),
  };
}

const text = (role: ChatMessage['role'], content: string): ChatMessage => ({
  role,
  content: [{ type: 'text', text: content }],
});

function userTurn(turn: string, parts: ProblemImages['parts']): ChatMessage {
  return { role: 'user', content: [...parts, { type: 'text', text: turn }] };
}

/** Its first `count` turns, every label the positive one. `open`: the last turn waits for its label. */
export function labelledMessages(
  { instruction, images, turns }: PrmConversation,
  count: number,
  last: 'open' | 'labelled',
  label: string,
): ChatMessage[] {
  const messages = turns
    .slice(0, count)
    .flatMap((turn, index) => [userTurn(turn, index === 0 ? images.parts : []), text('assistant', label)]);
  if (last === 'open') messages.pop();
  return instruction === null ? messages : [text('system', instruction), ...messages];
}

/** The same as text, for servers that render no chat. */
export function labelledText(
  messages: readonly ChatMessage[],
  last: 'open' | 'labelled',
  config: Pick<PrmEndpointConfig, 'chatTemplate'>,
): string {
  const template = chatTemplateOf(config.chatTemplate);
  const rendered = messages.map(({ role, content }) =>
    inFrame(template[role], content.map((part) => (part.type === 'image' ? template.image : part.text)).join('')),
  );
  return template.begin + rendered.join('') + (last === 'open' ? template.open : '');
}

/** The text of a message alone, to be tokenized. */
export function withoutImages(message: ChatMessage): WireBody {
  return { role: message.role, content: messageText(message) };
}
