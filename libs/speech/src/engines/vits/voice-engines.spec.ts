import type { TtsEngine, TtsStep, TtsStepResult, UtterancePlan } from '../tts-engine';
import { VoiceEngines } from './voice-engines';

const plan = { windows: [{}, {}] } as unknown as UtterancePlan;

class SilentVoice implements TtsEngine {
  readonly capabilities;
  readonly steps: string[] = [];
  readonly released: string[] = [];
  warm = false;

  constructor(
    readonly voice: string,
    sampleRateHz: number,
  ) {
    this.capabilities = { sampleRateHz, languages: ['en'], maxBatch: 4 };
  }
  warmUp(): Promise<void> {
    this.warm = true;
    return Promise.resolve();
  }
  batchKey(step: TtsStep): string {
    return step.op === 'encode' ? 'encode' : `window ${step.window}`;
  }
  step(batch: readonly TtsStep[]): Promise<TtsStepResult[]> {
    this.steps.push(...batch.map(({ id }) => id));
    return Promise.resolve(
      batch.map(({ op }) => (op === 'encode' ? { op, plan } : { op, samples: new Float32Array(1) })),
    );
  }
  release(id: string): void {
    this.released.push(id);
  }
  close(): Promise<void> {
    return Promise.resolve();
  }
}

const encode = (id: string, voice: string): TtsStep => ({
  op: 'encode',
  id,
  utterance: { text: 'Hi', voice, seed: 1, speed: 1 },
});
const decode = (id: string, window = 0): TtsStep => ({ op: 'decode', id, window });

describe('VoiceEngines', () => {
  const loaded: SilentVoice[] = [];
  let voices: VoiceEngines;

  beforeEach(async () => {
    loaded.length = 0;
    voices = new VoiceEngines((voice) => {
      if (voice === 'missing') return Promise.reject(new Error('the voice is not installed'));
      const engine = new SilentVoice(voice, voice === 'low' ? 16_000 : 22_050);
      loaded.push(engine);
      return Promise.resolve(engine);
    });
    await voices.load('joe');
    await voices.warmUp();
  });

  it('warms up what is loaded, and loads the rest when it is first spoken with, whoever waits', async () => {
    expect(loaded.map(({ voice, warm }) => [voice, warm])).toEqual([['joe', true]]);
    await voices.step([encode('a', 'low')]);
    await voices.step([encode('b', 'low')]);
    expect(loaded.map(({ voice, warm }) => [voice, warm])).toEqual([
      ['joe', true],
      ['low', false],
    ]);
  });

  it('gives the windows of an utterance to its voice', async () => {
    await voices.step([encode('a', 'low')]);
    await voices.step([encode('b', 'joe')]);
    await voices.step([decode('a')]);
    expect(loaded.map(({ steps }) => steps)).toEqual([['b'], ['a', 'a']]);
  });

  it('keeps voices out of each other’s batches', async () => {
    await voices.step([encode('a', 'low')]);
    await voices.step([encode('b', 'joe')]);
    await voices.step([encode('c', 'joe')]);
    expect(voices.batchKey(decode('b'))).toBe(voices.batchKey(decode('c')));
    expect(voices.batchKey(decode('a'))).not.toBe(voices.batchKey(decode('b')));
  });

  it('tells the key of each window, and the rate of the voice', async () => {
    const step = encode('a', 'low');
    const [result] = await voices.step([step]);
    expect(result && !('failed' in result) && voices.opened(result, step)).toEqual({
      batchKeys: ['low window 0', 'low window 1'],
      sampleRateHz: 16_000,
    });
  });

  it('has an utterance forgotten by its voice', async () => {
    await voices.step([encode('a', 'joe')]);
    voices.release('a');
    voices.release('unknown');
    expect(loaded[0]?.released).toEqual(['a']);
  });

  it('fails for a voice that cannot be loaded, and still speaks with the others', async () => {
    await expect(voices.step([encode('a', 'missing')])).rejects.toThrow('not installed');
    expect(await voices.step([encode('b', 'joe')])).toEqual([{ op: 'encode', plan }]);
  });
});
