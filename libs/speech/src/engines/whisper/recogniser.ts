import { sttSampleRateHz } from '../../audio';
import type { Recognition, SampleSpan } from '../stt-engine';
import { positionSamples, type EncodedAudio } from './audio-encoder';
import type { Decoded } from './greedy-decoder';
import { isDoubtful, isSilent, mayBeSilent } from './guard';
import { addsNothing, joined } from './joined-recognition';
import type { LoadedModel } from './model-files';
import { unheardFrom } from './unheard-speech';
import type { WhisperOptions } from './whisper-options';
import { timeWords } from './word-timing';

/** An utterance of at most 30 s: mono, -1 to 1, 16 kHz. */
export interface RecogniseRequest {
  readonly samples: Float32Array;
  /** Primary language tag, or `auto`. */
  readonly language: string;
  readonly words: boolean;
  /** The parts with speech. If given, speech after the last recognised word is recognised as well. */
  readonly speech?: readonly SampleSpan[] | undefined;
}

/** Most times that the rest of an utterance is recognised again. 30 s of sentences contain fewer pauses. */
const maxRests = 12;

/** Whether there is a pause at which the decoder may have ended too early. If so, the times of the words are needed. */
const hasPause = ({ speech }: RecogniseRequest): boolean => speech !== undefined && speech.length > 1;

/** A request after its audio was encoded and decoded. */
interface Attempt {
  readonly request: RecogniseRequest;
  readonly audio: EncodedAudio;
  readonly language: string;
  readonly encodeMs: number;
  readonly decodeMs: number;
  readonly decoded: Decoded;
  readonly text: string;
}

type Encoded = Pick<Attempt, 'request' | 'audio' | 'encodeMs'>;

/**
 * Most tokens of a transcript: more than any language needs for this much speech, but at most half of the model's
 * limit.
 */
const baseTokens = 24;
const tokensPerSecond = 20;

/** Recognises utterances of at most 30 s. Each is encoded alone, and all are decoded together. */
export class Recogniser {
  readonly languages: readonly string[];

  constructor(
    private readonly model: LoadedModel,
    private readonly options: WhisperOptions,
    /** A second check for silence, used only if the model is uncertain. */
    private readonly hasSpeech: (samples: Float32Array) => Promise<boolean>,
  ) {
    const { shape, tokenizer } = model;
    const known = [...tokenizer.languageTokens].filter(([, id]) => id < shape.vocabulary).map(([code]) => code);
    this.languages = shape.multilingual ? known : ['en'];
  }

  async warmUp(): Promise<void> {
    await this.recognise([{ samples: new Float32Array(sttSampleRateHz), language: 'auto', words: true }]);
  }

  close(): Promise<void> {
    return this.model.close();
  }

  /**
   * Recognises all requests. The decoder may end after any sentence and leave out the rest. Recognition therefore
   * continues after the last word while there is speech.
   */
  async recognise(requests: readonly RecogniseRequest[]): Promise<Recognition[]> {
    const found = await this.recogniseOnce(requests);
    let open = requests.map((request, index) => ({ request, index, heardTo: 0 }));
    for (let round = 0; round < maxRests && open.length > 0; round += 1) {
      const rests = open.flatMap(({ request, index, heardTo }) => {
        const from = hasPause(request) ? unheardFrom(found[index]!.words, request.speech ?? []) : undefined;
        return from !== undefined && from > heardTo ? [{ request, index, heardTo: from }] : [];
      });
      const heard = await this.recogniseOnce(
        rests.map(({ request, index, heardTo }) => restOf(request, found[index]!.language, heardTo)),
      );
      open = rests.filter(({ index }, row) => !addsNothing(found[index]!.text, heard[row]!.text));
      rests.forEach((rest, row) => {
        if (open.includes(rest)) found[rest.index] = joined(found[rest.index]!, heard[row]!, rest.heardTo);
      });
    }
    return found.map((recognition, index) => (requests[index]!.words ? recognition : { ...recognition, words: [] }));
  }

  private async recogniseOnce(requests: readonly RecogniseRequest[]): Promise<Recognition[]> {
    if (requests.length === 0) return [];
    const attempts = await this.attempt(requests, (request) => this.shortContext(request));
    const doubtful: Attempt[] = [];
    const empty = new Set<Attempt>();
    for (const attempt of attempts) {
      const heard = { ...attempt.decoded, text: attempt.text };
      if (!isDoubtful(heard) && !mayBeSilent(heard)) continue;
      if (!(await this.hasSpeech(attempt.request.samples))) empty.add(attempt);
      else if (isDoubtful(heard) && attempt.audio.positions < this.model.shape.audioPositions) doubtful.push(attempt);
    }
    const again = await this.attempt(
      doubtful.map(({ request }) => request),
      () => this.model.shape.audioPositions,
    );
    return attempts.map((attempt) => {
      if (empty.has(attempt)) return this.recognition(attempt, { empty: true });
      const second = again[doubtful.indexOf(attempt)];
      return second ? this.recognition(second, { before: attempt }) : this.recognition(attempt);
    });
  }

  private async attempt(
    requests: readonly RecogniseRequest[],
    positionsOf: (request: RecogniseRequest) => number,
  ): Promise<Attempt[]> {
    if (requests.length === 0) return [];
    const encoded: Encoded[] = [];
    for (const request of requests) {
      const startedAtMs = performance.now();
      const audio = await this.model.encoder.encode(request.samples, positionsOf(request), this.model.silence);
      encoded.push({ request, audio, encodeMs: performance.now() - startedAtMs });
    }
    const startedAtMs = performance.now();
    const languages = await this.languagesOf(encoded);
    const rows = encoded.map(({ request, audio }, index) => ({
      audio,
      languageToken: this.languageToken(languages[index]!),
      maxTokens: this.mostTokens(request.samples),
    }));
    const words = requests.some((request) => request.words || hasPause(request));
    const decoded = await this.model.decoder.decode(rows, words);
    const decodeMs = performance.now() - startedAtMs;
    return encoded.map((row, index) => {
      const own = decoded[index]!;
      const text = this.model.tokenizer.decode(own.tokens).trim();
      return { ...row, language: languages[index]!, decoded: own, text, decodeMs };
    });
  }

  private recognition(attempt: Attempt, known: { empty?: boolean; before?: Attempt } = {}): Recognition {
    const { request, decoded, language } = attempt;
    const { before } = known;
    const silent = known.empty === true || isSilent(decoded);
    const wanted = (request.words || hasPause(request)) && !silent;
    const words = wanted ? this.model.tokenizer.words(decoded.tokens, language) : [];
    return {
      text: silent ? '' : attempt.text,
      words: timeWords(words, decoded.attention, request.samples.length),
      language,
      averageLogProbability: decoded.averageLogProbability,
      noSpeechProbability: decoded.noSpeechProbability,
      fellBack: before !== undefined,
      encodeMs: attempt.encodeMs + (before?.encodeMs ?? 0),
      decodeMs: attempt.decodeMs + (before?.decodeMs ?? 0),
    };
  }

  private shortContext({ samples }: RecogniseRequest): number {
    const { paddingSeconds, contextSeconds } = this.options;
    const seconds = Math.max(contextSeconds, samples.length / sttSampleRateHz + paddingSeconds);
    const positions = Math.ceil((seconds * sttSampleRateHz) / positionSamples);
    return Math.min(this.model.shape.audioPositions, positions);
  }

  private mostTokens(samples: Float32Array): number {
    const tokens = Math.ceil(baseTokens + (tokensPerSecond * samples.length) / sttSampleRateHz);
    return Math.min(this.model.shape.textPositions / 2, tokens);
  }

  private async languagesOf(encoded: readonly Encoded[]): Promise<string[]> {
    if (!this.model.shape.multilingual) return encoded.map(() => 'en');
    const open = encoded.filter(({ request }) => request.language === 'auto');
    const found = open.length > 0 ? await this.model.decoder.detectLanguages(open.map(({ audio }) => audio)) : [];
    return encoded.map((row) => found[open.indexOf(row)] ?? row.request.language);
  }

  private languageToken(language: string): number | undefined {
    return this.model.shape.multilingual ? this.model.tokenizer.languageTokens.get(language) : undefined;
  }
}

/** A request for the audio from sample `from` on. */
function restOf({ samples, words, speech = [] }: RecogniseRequest, language: string, from: number): RecogniseRequest {
  const rest = speech
    .filter(({ endSample }) => endSample > from)
    .map((span) => ({ startSample: Math.max(0, span.startSample - from), endSample: span.endSample - from }));
  return { samples: samples.subarray(from), language, words, speech: rest };
}
