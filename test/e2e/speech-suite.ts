import { readFileSync } from 'node:fs';
import { rmsDbfs, wavFile } from '@app/speech/audio';
import {
  finalText,
  transcribeFile,
  transcribeStream,
  type SttRun,
  type TimedSttEvent,
} from '../../tools/client/stt-client';
import { samplesOfEvents, TtsClient, voiceRateHz } from '../../tools/client/tts-client';
import { RunningStack } from '../support/running-stack';
import { readTwoCities, twoCitiesFile, twoCitiesText } from '../support/two-cities';
import { wordErrorRate } from '../support/word-error-rate';

const paragraph =
  'The harbour was quiet when the last boat came in. Nobody had expected it before the morning, and the men who stood ' +
  'on the wall said very little. A boy ran down to the water with a lamp in his hand. He called out to his father, who ' +
  'answered him from the dark. Soon the ropes were fast, and the fish were carried up to the carts, while the women ' +
  'talked of the weather and of the price of bread.';

const seconds = 1_000;
const sttRateHz = 16_000;

/** What must hold however requests are batched: real text in, real speech out, and back, through every process. */
export function describeSpeech(
  name: string,
  workerEnv: Record<string, string>,
  more?: (stack: () => RunningStack) => void,
): void {
  describe(`speech through a whole stack, ${name}`, () => {
    let stack: RunningStack;

    beforeAll(async () => {
      stack = await RunningStack.start({ workerEnv });
    }, 120 * seconds);

    afterAll(() => stack?.stop(), 60 * seconds);

    it(
      'transcribes back a paragraph spoken over the socket with a word error rate under 10 %',
      async () => {
        const client = await TtsClient.open(stack.target);
        const events = await client.speak('paragraph', paragraph);
        client.close();
        const wav = wavFile(samplesOfEvents(events), { encoding: 'pcm_s16le', sampleRateHz: voiceRateHz });
        const { text } = await transcribeFile(stack.target, wav);
        expect(wordErrorRate(paragraph, text).rate).toBeLessThan(0.1);
      },
      60 * seconds,
    );

    it(
      'transcribes a recorded reading from a file with a word error rate under 12 %',
      async () => {
        const { text } = await transcribeFile(stack.target, readFileSync(twoCitiesFile()));
        expect(wordErrorRate(twoCitiesText, text).rate).toBeLessThan(0.12);
      },
      60 * seconds,
    );

    describeReading(() => stack);

    it.each([
      ['silence', () => 0],
      ['noise', pseudoNoise(0.05)],
    ])(
      'gives no text for 30 s of %s',
      async (_, next) => {
        const samples = Float32Array.from({ length: 30 * sttRateHz }, next);
        const { text } = await transcribeFile(
          stack.target,
          wavFile(samples, { encoding: 'pcm_s16le', sampleRateHz: sttRateHz }),
        );
        expect(text).toBe('');
        expect(finalText(await transcribeStream(stack.target, samples, sttRateHz, 10))).toBe('');
      },
      60 * seconds,
    );

    more?.(() => stack);
  });
}

function describeReading(stack: () => RunningStack): void {
  describe('a recorded reading sent in pieces of 100 ms at the pace of speech', () => {
    const { samples, sampleRateHz } = readTwoCities();
    let run: SttRun;

    beforeAll(async () => {
      run = await transcribeStream(stack().target, samples, sampleRateHz);
    }, 120 * seconds);

    it('is transcribed with a word error rate under 12 %', () => {
      expect(wordErrorRate(twoCitiesText, finalText(run)).rate).toBeLessThan(0.12);
      expect(run.closeCode).toBe(1000);
    });

    it('shows its first partial within 1.5 s of speech', () => {
      const first = transcriptsOf(run).find(({ event }) => wordsOf(event.text).length > 0);
      const afterSpeechSeconds =
        ((first?.sentSamples ?? Infinity) - firstLoudSample(samples, sampleRateHz)) / sampleRateHz;
      expect(afterSpeechSeconds).toBeGreaterThan(0);
      expect(afterSpeechSeconds).toBeLessThanOrEqual(1.5);
    });

    it('shows 80 % of its words in a partial before the last sample', () => {
      const partials = transcriptsOf(run).filter(
        ({ event, atMs }) => event.is_final === false && atMs < run.lastSampleAtMs,
      );
      const shown = bagOf(longestPartials(partials, transcriptsOf(run)));
      const said = wordsOf(twoCitiesText);
      const found = said.filter((word) => take(shown, word));
      expect(found.length).toBeGreaterThanOrEqual(0.8 * said.length);
    });

    it('never changes a final: the audio of one is not transcribed again', () => {
      const finals = transcriptsOf(run).filter(({ event }) => event.is_final);
      expect(finals.length).toBeGreaterThan(1);
      const said = wordsOf(twoCitiesText).length;
      const heard = finals.reduce((sum, { event }) => sum + wordsOf(event.text).length, 0);
      expect(heard).toBeLessThan(1.1 * said);
      const inOrder = finals.map(({ event }) => event.text ?? '').join('');
      expect(wordsOf(inOrder).length).toBe(heard);
    });
  });
}

const transcriptsOf = (run: SttRun): TimedSttEvent[] => run.events.filter(({ event }) => event.type === 'transcript');

const wordsOf = (text = ''): string[] => text.toLowerCase().match(/[a-z']+/g) ?? [];

/** Each final's last partial: a partial replaces the one before, so words must not count twice. */
function longestPartials(partials: readonly TimedSttEvent[], all: readonly TimedSttEvent[]): string[] {
  const last = new Map<number, string>();
  for (const partial of partials) {
    const finalsBefore = all.slice(0, all.indexOf(partial)).filter(({ event }) => event.is_final).length;
    last.set(finalsBefore, partial.event.text ?? '');
  }
  return [...last.values()];
}

function bagOf(texts: readonly string[]): Map<string, number> {
  const bag = new Map<string, number>();
  for (const word of texts.flatMap(wordsOf)) bag.set(word, (bag.get(word) ?? 0) + 1);
  return bag;
}

function take(bag: Map<string, number>, word: string): boolean {
  const count = bag.get(word) ?? 0;
  bag.set(word, count - 1);
  return count > 0;
}

/** Where speech begins: the first 30 ms louder than -40 dBFS. */
function firstLoudSample(samples: Float32Array, sampleRateHz: number): number {
  const frameSamples = Math.round(0.03 * sampleRateHz);
  for (let at = 0; at + frameSamples <= samples.length; at += frameSamples) {
    if (rmsDbfs(samples.subarray(at, at + frameSamples)) > -40) return at;
  }
  throw new Error('the recording is silent');
}

/** White noise of this amplitude, the same at each run. */
function pseudoNoise(amplitude: number): () => number {
  let state = 12_345;
  return () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff;
    return amplitude * ((state / 0x7fff_ffff) * 2 - 1);
  };
}
