import { addCounts, addUsage, NO_USAGE, type Step, type Usage } from '../../records/index.ts';
import { VlprmError } from '../../runtime/errors.ts';
import { seedFrom } from '../../runtime/random.ts';
import { CONTINUATION_PROMPT, solutionPrompt } from '../../text/prompts.ts';
import type { ParsedSolution } from '../../text/step-grammar.ts';
import type { EndedBy, FirstStep, StepSplitter } from '../../text/step-splitter.ts';
import { withoutRepetition } from '../../text/step-splitters.ts';
import type { Prefix, Proposal, ProposeOptions, Sampled } from '../ports.ts';
import { attempt, choiceFailure, FAILED_CALL } from './call-outcomes.ts';
import type { ChatChoice, ChatMessage, ChatPart, ChatRequest, Sampling } from './chat.ts';
import type { ModelService } from './model-service.ts';
import { problemImages } from './problem-images.ts';
import { tokenShares } from './token-shares.ts';

/** A policy's model, and what its configuration settled. */
export interface Writer {
  readonly service: ModelService;
  readonly splitter: StepSplitter;
  /** Template of the user's message. */
  readonly prompt: string;
  readonly sampling: Sampling;
}

/** Continuations of one prefix, and what they cost. */
export interface Continued {
  readonly samples: Sampled<Proposal>[];
  readonly usage: Usage;
}

/** One continuation as it came back. */
interface Written {
  readonly choice: ChatChoice;
  readonly tokens: number | null;
}

/** Tokens that tell whether anything follows a step: enough for the white space between two steps and a word. */
const PEEK_TOKENS = 8;

const UNREADABLE: FirstStep = { steps: [], finalAnswer: null, ended: true };

const saying = (role: ChatMessage['role'], text: string): ChatMessage => ({ role, content: [{ type: 'text', text }] });

/** A prefix that is being continued. */
class Continuation {
  usage = NO_USAGE;
  readonly #writer: Writer;
  readonly #prefix: Prefix;
  readonly #options: ProposeOptions;
  readonly #sampling: Sampling;
  readonly #signal: AbortSignal;

  constructor(writer: Writer, prefix: Prefix, options: ProposeOptions, signal: AbortSignal) {
    this.#writer = writer;
    this.#prefix = prefix;
    this.#options = options;
    this.#sampling = { ...writer.sampling, temperature: options.temperature ?? writer.sampling.temperature };
    this.#signal = signal;
  }

  /** Continuations to ask for: where nothing is drawn, all are the same. */
  get #wanted(): number {
    const greedy = this.#sampling.temperature === 0 && this.#writer.service.capabilities.sampling;
    return greedy ? 1 : this.#options.n;
  }

  async write(): Promise<Written[]> {
    const { stop, seed } = this.#options;
    const stops = stop === 'step' ? this.#writer.splitter.stops(this.#prefix.steps) : [];
    return this.#ask(this.#prefix.steps, { n: this.#wanted, seed, stop: stops });
  }

  /** Reads the i-th continuation. Throws a `ServiceError` where it cannot be used. */
  async read({ choice, tokens }: Written, i: number): Promise<Proposal> {
    this.#requireUsable(choice);
    if (this.#options.stop === 'step') return this.#readStep(choice, tokens, i);
    const { steps, finalAnswer } = this.#parsed((prefix, text) => this.#writer.splitter.split(prefix, text), choice);
    return { steps, finalAnswer, ended: true, tokens };
  }

  /**
   * The first step of a continuation. A stop text can end it before anything new was written: where a chat template trims
   * the white space at the end of the prefix, or a model repeats the prefix first. It is then asked for without stop texts.
   */
  async #readStep(choice: ChatChoice, tokens: number | null, i: number): Promise<Proposal> {
    const first = this.#first(choice, choice.stoppedBy);
    if (first.steps.length > 0 || first.finalAnswer !== null || first.ended === true) {
      return this.#decided(first, tokens, i);
    }
    const whole = await this.#askOne(this.#prefix.steps, { seed: this.#seed('whole', i) });
    this.#requireUsable(whole.choice);
    return this.#decided(this.#first(whole.choice, null), addCounts(tokens, whole.tokens), i);
  }

  /** Whether a solution has ended that only what follows can tell: a few tokens more, or without prefill its answer. */
  async #decided({ steps, finalAnswer, ended }: FirstStep, tokens: number | null, i: number): Promise<Proposal> {
    if (ended !== null) return { steps, finalAnswer, ended, tokens };
    if (!this.#writer.service.capabilities.prefill) return { steps, finalAnswer, ended: true, tokens };
    const peek = await this.#askOne([...this.#prefix.steps, ...steps], {
      seed: this.#seed('peek', i),
      maxTokens: PEEK_TOKENS,
    });
    if (peek.choice.finish === 'content-filter') this.#requireUsable(peek.choice);
    const follows = peek.choice.text.trim() !== '';
    return {
      steps,
      finalAnswer: follows ? null : finalAnswer,
      ended: !follows,
      tokens: addCounts(tokens, peek.tokens),
    };
  }

  #first(choice: ChatChoice, endedBy: EndedBy): FirstStep {
    return this.#parsed((prefix, text) => this.#writer.splitter.first(prefix, text, endedBy), choice);
  }

  /** What a choice adds to the prefix; text that breaks the grammar is a solution that ended without anything to read. */
  #parsed<Read extends ParsedSolution>(
    read: (prefix: readonly Step[], text: string) => Read,
    { text }: ChatChoice,
  ): Read | FirstStep {
    const { splitter, service } = this.#writer;
    const { steps } = this.#prefix;
    try {
      return read(steps, service.capabilities.prefill ? text : withoutRepetition(splitter, steps, text));
    } catch (error) {
      if (VlprmError.is(error) && error.code === 'ERR_TRACE_MALFORMED') return UNREADABLE;
      throw error;
    }
  }

  #requireUsable(choice: ChatChoice): void {
    const failure = choiceFailure(choice, this.#sampling.maxTokens, `problem ${this.#prefix.problem.id}`);
    if (failure !== null) throw failure;
  }

  #seed(purpose: string, i: number): number {
    return seedFrom(this.#options.seed, purpose, i);
  }

  async #askOne(steps: readonly Step[], { seed, maxTokens }: { seed: number; maxTokens?: number }): Promise<Written> {
    const [written] = await this.#ask(steps, { n: 1, seed, stop: [], ...(maxTokens !== undefined && { maxTokens }) });
    return written as Written;
  }

  async #ask(
    steps: readonly Step[],
    {
      maxTokens = this.#sampling.maxTokens,
      ...asked
    }: Pick<ChatRequest, 'n' | 'seed' | 'stop'> & { maxTokens?: number },
  ): Promise<Written[]> {
    const { parts, bytes } = problemImages(this.#prefix);
    const request: ChatRequest = {
      ...this.#conversation(parts, steps),
      ...asked,
      sampling: { ...this.#sampling, maxTokens },
      topLogprobs: 0,
      labelTokenIds: null,
      choices: null,
    };
    const context = { stage: 'call/policy', affinity: this.#prefix.problem.id, images: bytes, signal: this.#signal };
    const { answer, usage } = await this.#writer.service.chat(request, context).catch((error: unknown) => {
      this.usage = addUsage(this.usage, FAILED_CALL);
      throw error;
    });
    this.usage = addUsage(this.usage, usage);
    const shares = tokenShares(answer.choices, usage.completionTokens);
    return answer.choices.map((choice, i) => ({ choice, tokens: shares[i] ?? null }));
  }

  #conversation(images: readonly ChatPart[], steps: readonly Step[]): Pick<ChatRequest, 'messages' | 'continueFinal'> {
    const prompt = solutionPrompt(this.#prefix.problem, { text: this.#writer.prompt });
    const task: ChatMessage = { role: 'user', content: [...images, { type: 'text', text: prompt }] };
    const written = this.#writer.splitter.join(steps);
    if (written === '') return { messages: [task], continueFinal: false };
    if (this.#writer.service.capabilities.prefill) {
      return { messages: [task, saying('assistant', written)], continueFinal: true };
    }
    const messages = [task, saying('assistant', written.trimEnd()), saying('user', CONTINUATION_PROMPT.text)];
    return { messages, continueFinal: false };
  }
}

/** Copies of a continuation at whose price nothing more was written. */
const copyOf = (sample: Sampled<Proposal>): Sampled<Proposal> =>
  sample.ok ? { ok: true, value: { ...sample.value, tokens: 0 } } : sample;

/**
 * Samples `options.n` continuations of one prefix: a call for all of them, and a call more for one where it stays open how
 * it goes on. Throws only what is no failure of these calls alone.
 */
export async function continuePrefix(
  writer: Writer,
  prefix: Prefix,
  options: ProposeOptions,
  signal: AbortSignal,
): Promise<Continued> {
  const continuation = new Continuation(writer, prefix, options, signal);
  const written = await attempt(() => continuation.write());
  const samples: Sampled<Proposal>[] = written.ok
    ? await Promise.all(written.value.map((one, i) => attempt(() => continuation.read(one, i))))
    : [written];
  const copies = Array.from({ length: options.n - samples.length }, () => copyOf(samples[0]!));
  return { samples: [...samples, ...copies], usage: continuation.usage };
}
