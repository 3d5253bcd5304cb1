import { spokenAudio, type SpokenPart } from '../../../../test/support/fake-stt-steps';
import { Conversation, turn } from '../../../../test/support/stt-conversation';

/** Numbers from 0 to 1 that a seed decides (mulberry32). */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Words with pauses about as long as those that end utterances or begin eager recognitions. */
function speech(random: () => number): SpokenPart[] {
  const parts: SpokenPart[] = [random()];
  for (let word = 1; word <= 8; word += 1) parts.push([word, 0.06 + 0.6 * random()], 0.02 + 0.75 * random());
  return [...parts, 1.5];
}

/** Finals of the speech when its audio comes in the given pieces and recognitions take as long as chance wants. */
async function finalsOf(samples: Float32Array, random: () => number, longestPiece: number, live: boolean) {
  const heard = new Conversation({ partials: live });
  heard.steps.holds = true;
  const work = async (): Promise<void> => {
    await turn();
    while (random() < 0.6 && heard.steps.waiting.length > 0) {
      heard.steps.finish(heard.steps.waiting[Math.floor(random() * heard.steps.waiting.length)]);
      await turn();
    }
  };
  for (let from = 0; from < samples.length;) {
    const size = 1 + Math.floor(random() * longestPiece);
    heard.stream.push(from, samples.subarray(from, from + size));
    from += size;
    if (random() < 0.7) await work();
  }
  heard.stream.close();
  for (let idle = 0; idle < 20; idle += 1) {
    await turn();
    if (heard.steps.waiting.length === 0) continue;
    heard.steps.finish();
    idle = 0;
  }
  expect(heard.outcome).toBe('ended');
  return heard
    .of('final')
    .filter(({ text }) => text !== '')
    .map(({ text, startSample, endSample }) => ({ text, startSample, endSample }));
}

describe('finals of an STT stream', () => {
  it.each(Array.from({ length: 12 }, (_, seed) => seed))(
    'are the same however audio is cut and however long recognitions take (speech %i)',
    async (seed) => {
      const random = randomNumbers(seed);
      const samples = spokenAudio(...speech(random));
      const expected = await finalsOf(samples, random, 1_600, true);
      const words = expected.flatMap(({ text }) => text.split(' '));
      expect(words).toEqual(words.toSorted((one, other) => Number(one.slice(1)) - Number(other.slice(1))));
      expect(words.length).toBeGreaterThan(3);
      for (const longestPiece of [300, 9_600, 16_000, 40_000, samples.length]) {
        expect(await finalsOf(samples, random, longestPiece, true)).toEqual(expected);
        expect(await finalsOf(samples, random, longestPiece, false)).toEqual(expected);
      }
    },
  );
});
