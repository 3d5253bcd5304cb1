import { SpeechError } from '../../speech-error';
import type { EngineCapabilities, StepFailure } from '../engine';
import type { TtsEngine, TtsStep, TtsStepResult } from '../tts-engine';
import type { EncodedUtterance, UtteranceEncoder } from './utterance-encoder';
import type { VitsSessions } from './vits-sessions';
import { decodeWindows, windowShape, type WindowRequest } from './window-decoder';

type Outcome = TtsStepResult | StepFailure;

/** The text is long enough to need a window of every standard length. */
const warmUpText = 'It was the best of times, it was the worst of times.';
/** The code of eSpeak is compiled only after a few runs: the first run takes twenty times as long as the fourth. */
const warmUpEncodes = 3;

/**
 * The engine of one Piper voice. A model folder holds one voice, so the choice of the engine is the choice of the
 * voice.
 */
export class VitsEngine implements TtsEngine {
  private readonly open = new Map<string, EncodedUtterance>();

  constructor(
    readonly capabilities: EngineCapabilities,
    private readonly encoder: UtteranceEncoder,
    private readonly sessions: VitsSessions,
  ) {}

  async warmUp(): Promise<void> {
    const id = 'warm-up';
    let windows: readonly unknown[] = [];
    for (let seed = 0; seed < warmUpEncodes; seed += 1) {
      const utterance = { text: warmUpText, voice: '', seed, speed: 1 };
      const encoded = ran(await this.step([{ op: 'encode', id, utterance }]));
      windows = encoded.op === 'encode' ? encoded.plan.windows : [];
    }
    for (const window of windows.keys()) ran(await this.step([{ op: 'decode', id, window }]));
    this.release(id);
  }

  batchKey(step: TtsStep): string {
    if (step.op === 'encode') return 'encode';
    const request = this.find(step.id, step.window);
    return request ? windowShape(request) : 'unknown';
  }

  async step(batch: readonly TtsStep[]): Promise<Outcome[]> {
    const outcomes = new Array<Outcome>(batch.length);
    const requests: { at: number; request: WindowRequest }[] = [];
    for (const [at, step] of batch.entries()) {
      if (step.op === 'encode') {
        outcomes[at] = await this.encode(step);
        continue;
      }
      const request = this.find(step.id, step.window);
      if (request) requests.push({ at, request });
      else outcomes[at] = { failed: `no window ${step.window} of utterance ${step.id} is open` };
    }
    const audio = await this.decode(requests.map(({ request }) => request));
    requests.forEach(({ at }, index) => (outcomes[at] = audio[index] ?? { failed: 'the window was not decoded' }));
    return outcomes;
  }

  release(id: string): void {
    this.open.delete(id);
  }

  async close(): Promise<void> {
    this.open.clear();
    await this.sessions.release();
  }

  private find(id: string, index: number): WindowRequest | undefined {
    const open = this.open.get(id);
    const window = open?.windows[index];
    return open && window ? { window, latents: open.latents } : undefined;
  }

  /** The encoder runs at the exact length of the text, so utterances cannot share a run. */
  private async encode({ id, utterance }: Extract<TtsStep, { op: 'encode' }>): Promise<Outcome> {
    try {
      const encoded = await this.encoder.encode(utterance);
      this.open.set(id, encoded);
      return { op: 'encode', plan: encoded.plan };
    } catch (cause) {
      return failure(cause);
    }
  }

  private async decode(requests: readonly WindowRequest[]): Promise<Outcome[]> {
    try {
      const audio = await decodeWindows(this.sessions, requests);
      return audio.map((samples) => ({ op: 'decode', samples }));
    } catch (cause) {
      return requests.map(() => failure(cause));
    }
  }
}

function ran([outcome]: readonly Outcome[]): TtsStepResult {
  if (outcome && !('failed' in outcome)) return outcome;
  throw new SpeechError(`the voice does not run: ${outcome?.failed ?? 'no result'}`);
}

const failure = (cause: unknown): StepFailure => ({ failed: cause instanceof Error ? cause.message : String(cause) });
