import { InferenceSession, Tensor } from '../onnx-runtime';
import type { EncodedAudio } from './audio-encoder';
import { DecoderBatch, forbidden } from './decoder-batch';
import { layerNames } from './decoder-graph';
import { loops, withoutLoop } from './guard';
import type { ModelShape } from './model-shape';
import type { WhisperTokenizer } from './tokenizer';

/** A decoder head whose attention follows the audio. */
export interface AlignmentHead {
  readonly layer: number;
  readonly head: number;
}

/** One recording to decode. */
export interface DecodeRow {
  readonly audio: EncodedAudio;
  readonly languageToken: number | undefined;
  /** Most tokens that the transcript may have. */
  readonly maxTokens: number;
}

/** The attention of the decoder: for each alignment head, one row of `positions` weights per token that was fed. */
export interface Attention {
  readonly positions: number;
  readonly heads: readonly (readonly Float32Array[])[];
  /** Number of rows of the prompt, without the row that predicts the first token of the transcript. */
  readonly promptRows: number;
}

/** The result of a row. */
export interface Decoded {
  readonly tokens: readonly number[];
  /** Mean natural log probability of the tokens, including the end token. */
  readonly averageLogProbability: number;
  readonly noSpeechProbability: number;
  /** Whether the decoder was stopped because it repeated itself. The repetitions are left out. */
  readonly looped: boolean;
  readonly attention: Attention;
}

/** Ids that the decoder never chooses: those of the model's configuration and all special ones. */
export interface Suppression {
  readonly always: readonly number[];
  /** Ids that are excluded only as the first token. */
  readonly first: readonly number[];
}

interface OpenRow {
  readonly index: number;
  readonly row: DecodeRow;
  readonly tokens: number[];
  readonly attention: Float32Array[][];
  sum: number;
  noSpeechProbability: number;
}

/** Decodes rows together. It always chooses the likeliest token. */
export class GreedyDecoder {
  private readonly laterMask: Float32Array;
  private readonly firstMask: Float32Array;
  /** Result names without the attention, which costs a copy. */
  private readonly plainResults: readonly string[];

  constructor(
    private readonly session: InferenceSession,
    private readonly shape: ModelShape,
    private readonly tokenizer: WhisperTokenizer,
    private readonly alignmentHeads: readonly AlignmentHead[],
    suppression: Suppression,
  ) {
    this.laterMask = new Float32Array(shape.vocabulary).fill(forbidden, tokenizer.endOfText + 1);
    for (const id of suppression.always) this.laterMask[id] = forbidden;
    this.firstMask = this.laterMask.slice();
    for (const id of suppression.first) this.firstMask[id] = forbidden;
    const shown = new Set(alignmentHeads.map(({ layer }) => layerNames(layer).attention));
    this.plainResults = session.outputNames.filter((name) => !shown.has(name));
  }

  /** Returns the likeliest language of each recording. */
  async detectLanguages(audio: readonly EncodedAudio[]): Promise<string[]> {
    const languages = [...this.tokenizer.languageTokens].filter(([, id]) => id < this.shape.vocabulary);
    const batch = new DecoderBatch(this.shape, audio, 0);
    const prompts = audio.map(() => [this.tokenizer.startOfTranscript]);
    const watched = languages.map(([, id]) => id);
    const mask = new Float32Array(this.shape.vocabulary);
    const results = await this.run(batch, { tokens: prompts, mask, watched }, false);
    const likelihoods = results['watched_log_probability']?.data as Float32Array;
    return audio.map((_, row) => {
      const own = likelihoods.subarray(row * languages.length, (row + 1) * languages.length);
      const best = own.reduce((chosen, value, index) => (value > own[chosen]! ? index : chosen), 0);
      return languages[best]?.[0] ?? 'en';
    });
  }

  /** Decodes all rows. `attention` selects whether the results include the attention. */
  async decode(rows: readonly DecodeRow[], attention: boolean): Promise<Decoded[]> {
    const prompts = rows.map((row) => this.promptOf(row));
    const promptLength = prompts[0]?.length ?? 0;
    const longest = Math.max(...rows.map((row) => row.maxTokens));
    const capacity = Math.min(this.shape.textPositions, promptLength + longest);
    const batch = new DecoderBatch(
      this.shape,
      rows.map((row) => row.audio),
      capacity,
    );
    const open = rows.map((row, index): OpenRow => {
      return { index, row, tokens: [], attention: [], sum: 0, noSpeechProbability: 0 };
    });
    const done: Decoded[] = [];
    let mask = this.promptMask(promptLength);
    let next = prompts;
    while (open.length > 0) {
      const steps = next[0]?.length ?? 1;
      const watched = steps > 1 ? [this.tokenizer.noSpeech] : [];
      const results = await this.run(batch, { tokens: next, mask, watched }, attention);
      batch.append(results, steps);
      this.take(open, results, steps, attention);
      for (let index = open.length - 1; index >= 0; index -= 1) {
        const row = open[index]!;
        const verdict = this.verdict(row, batch.length >= capacity);
        if (verdict === 'open') continue;
        done[row.index] = this.close(row, verdict === 'loop', promptLength);
        batch.remove(index);
        open[index] = open[open.length - 1]!;
        open.pop();
      }
      mask = this.laterMask;
      next = open.map((row) => [row.tokens.at(-1)!]);
    }
    return done;
  }

  private promptOf({ languageToken }: DecodeRow): number[] {
    const { startOfTranscript, transcribe, noTimestamps } = this.tokenizer;
    return languageToken === undefined
      ? [startOfTranscript, noTimestamps]
      : [startOfTranscript, languageToken, transcribe, noTimestamps];
  }

  /**
   * Masks all tokens but the one after the prompt. The output after the prompt's first token gives the probability that
   * nothing was said.
   */
  private promptMask(promptLength: number): Float32Array {
    const mask = new Float32Array(promptLength * this.shape.vocabulary);
    mask.set(this.firstMask, (promptLength - 1) * this.shape.vocabulary);
    return mask;
  }

  private run(
    batch: DecoderBatch,
    step: { tokens: readonly (readonly number[])[]; mask: Float32Array; watched: readonly number[] },
    attention: boolean,
  ): Promise<Readonly<Record<string, Tensor>>> {
    const { tokens, mask, watched } = step;
    const steps = tokens[0]?.length ?? 0;
    const start = batch.length;
    const causal = new Float32Array(steps * (start + steps));
    for (let row = 0; row < steps; row += 1) {
      causal.fill(forbidden, row * (start + steps) + start + row + 1, (row + 1) * (start + steps));
    }
    const positions = Array.from({ length: steps }, (_, index) => start + index);
    const feeds = {
      ...batch.feeds(),
      tokens: integers(tokens.flat(), [batch.rows, steps]),
      positions: integers(positions, [steps]),
      causal: new Tensor('float32', causal, [steps, start + steps]),
      mask: new Tensor('float32', mask, [steps, this.shape.vocabulary]),
      watched: integers(watched, [watched.length]),
    };
    return this.session.run(feeds, attention ? this.session.outputNames : this.plainResults);
  }

  private take(
    open: readonly OpenRow[],
    results: Readonly<Record<string, Tensor>>,
    steps: number,
    attention: boolean,
  ): void {
    const chosen = results['chosen']?.data as BigInt64Array;
    const likelihood = results['log_probability']?.data as Float32Array;
    const watched = results['watched_log_probability']?.data as Float32Array;
    open.forEach((row, index) => {
      const last = index * steps + steps - 1;
      row.tokens.push(Number(chosen[last]));
      row.sum += likelihood[last]!;
      if (steps > 1) row.noSpeechProbability = Math.exp(watched[index * steps]!);
      if (attention) this.look(row, index, results, steps);
    });
  }

  private look(
    { row, attention }: OpenRow,
    index: number,
    results: Readonly<Record<string, Tensor>>,
    steps: number,
  ): void {
    for (let step = 0; step < steps; step += 1) {
      const shares = this.alignmentHeads.map(({ layer, head }) => {
        const tensor = results[layerNames(layer).attention];
        const context = tensor?.dims[3] ?? 0;
        const start = ((index * this.shape.heads + head) * steps + step) * context;
        return (tensor?.data as Float32Array).slice(start, start + row.audio.positions);
      });
      attention.push(shares);
    }
  }

  private verdict({ tokens, row }: OpenRow, full: boolean): 'open' | 'end' | 'loop' {
    if (tokens.at(-1) === this.tokenizer.endOfText) return 'end';
    if (loops(tokens)) return 'loop';
    return full || tokens.length >= row.maxTokens ? 'end' : 'open';
  }

  private close(open: OpenRow, looped: boolean, promptLength: number): Decoded {
    const said = open.tokens.filter((token) => token !== this.tokenizer.endOfText);
    const tokens = looped ? withoutLoop(said) : said;
    const looked = open.attention.slice(0, promptLength + tokens.length);
    const heads = this.alignmentHeads.map((_, head) => looked.map((shares) => shares[head]!));
    return {
      tokens,
      averageLogProbability: open.sum / (said.length + 1),
      noSpeechProbability: open.noSpeechProbability,
      looped,
      attention: { positions: open.row.audio.positions, heads, promptRows: promptLength - 1 },
    };
  }
}

function integers(values: readonly number[], dims: readonly number[]): Tensor {
  return new Tensor(
    'int64',
    BigInt64Array.from(values, (value) => BigInt(value)),
    dims,
  );
}
