import { sttSampleRateHz } from '../../audio';
import { detectorFrameSamples } from '../stt-engine';
import { Endpointer, type EndpointEvent, type EndpointerOptions } from './endpointer';

const frame = detectorFrameSamples;
const silence = (frames: number): number[] => new Array<number>(frames).fill(0.02);
const speech = (frames: number): number[] => new Array<number>(frames).fill(0.95);
/** 100 ms are 4 frames, 300 ms 10 and 500 ms 16, rounded up. */
const [preRoll, postRoll, endSilence] = [10, 10, 16];

function eventsOf(probabilities: number[], options: Partial<EndpointerOptions> = {}): EndpointEvent[] {
  const endpointer = new Endpointer(options);
  return [...endpointer.push(probabilities), ...endpointer.finish(probabilities.length * frame)];
}

const ends = (events: readonly EndpointEvent[]) => events.filter((event) => event.kind === 'speechEnd');

describe('Endpointer', () => {
  it('finds nothing in silence', () => {
    expect(eventsOf(silence(1000))).toEqual([]);
  });

  it('keeps audio before the first and after the last speech frame', () => {
    expect(eventsOf([...silence(20), ...speech(30), ...silence(50)])).toEqual([
      { kind: 'speechStart', startSample: (20 - preRoll) * frame },
      { kind: 'speechEnd', startSample: (20 - preRoll) * frame, endSample: (50 + postRoll) * frame },
    ]);
  });

  it('keeps no audio from before the stream', () => {
    expect(eventsOf([...silence(2), ...speech(10), ...silence(30)])[0]).toEqual({
      kind: 'speechStart',
      startSample: 0,
    });
  });

  it('says that speech began after 100 ms of it, and that it ended after 500 ms of silence', () => {
    const endpointer = new Endpointer();
    endpointer.push(silence(20));
    expect(endpointer.push(speech(3))).toEqual([]);
    expect(endpointer.push(speech(1))).toHaveLength(1);
    expect(endpointer.push(silence(endSilence - 1))).toEqual([]);
    expect(endpointer.push(silence(1))).toHaveLength(1);
  });

  it('ignores bursts that are shorter', () => {
    const click = [...speech(3), ...silence(5)];
    expect(eventsOf([...silence(9), ...click, ...click, ...click, ...silence(30)])).toEqual([]);
  });

  it('lets a word be unsure in the middle, but not at its start', () => {
    const unsure = new Array<number>(4).fill(0.4);
    expect(eventsOf([...silence(20), ...unsure, ...silence(30)])).toEqual([]);
    expect(eventsOf([...silence(20), 0.6, ...unsure, ...silence(30)])).toHaveLength(2);
  });

  it('does not end at a pause that is shorter than the silence which ends speech', () => {
    const events = eventsOf([...speech(20), ...silence(endSilence - 1), ...speech(20), ...silence(40)]);
    expect(ends(events)).toHaveLength(1);
  });

  it('gives a segment to each of two utterances, without overlap', () => {
    const pause = endSilence + 1;
    const events = ends(eventsOf([...speech(20), ...silence(pause), ...speech(20), ...silence(40)]));
    expect(events).toHaveLength(2);
    const [first, second] = events;
    expect(second!.startSample).toBeGreaterThanOrEqual(first!.endSample);
  });

  it('ends open speech where the stream ends', () => {
    const endpointer = new Endpointer();
    endpointer.push([...silence(20), ...speech(30)]);
    expect(endpointer.finish(50 * frame - 100)).toEqual([
      { kind: 'speechEnd', startSample: 10 * frame, endSample: 50 * frame - 100 },
    ]);
    expect(endpointer.finish(50 * frame)).toEqual([]);
  });

  it('answers the same whether frames come one by one or all at once', () => {
    const probabilities = [
      ...silence(20),
      ...speech(1100),
      ...silence(20),
      ...speech(40),
      ...silence(60),
      ...speech(9),
    ];
    const endpointer = new Endpointer();
    const single = probabilities.flatMap((probability) => endpointer.push([probability]));
    expect([...single, ...endpointer.finish(probabilities.length * frame)]).toEqual(eventsOf(probabilities));
  });

  it('obeys its options', () => {
    const options = {
      startThreshold: 0.3,
      endThreshold: 0.1,
      minSpeechMs: 30,
      preRollMs: 0,
      endSilenceMs: 64,
      postRollMs: 0,
    };
    expect(ends(eventsOf([0, 0.35, 0.05, 0.05, 0], options))).toEqual([
      { kind: 'speechEnd', startSample: frame, endSample: 2 * frame },
    ]);
  });
});

describe('Endpointer on speech without a pause', () => {
  const longest = 30 * sttSampleRateHz;

  it('cuts at the quietest point of the last half, and goes on from there', () => {
    const probabilities = speech(1500);
    probabilities[300] = 0.36;
    probabilities.splice(700, 3, 0.8, 0.5, 0.8);
    const events = eventsOf(probabilities);
    const cut = 701 * frame + frame / 2;
    expect(events.slice(0, 3)).toEqual([
      { kind: 'speechStart', startSample: 0 },
      { kind: 'speechEnd', startSample: 0, endSample: cut },
      { kind: 'speechStart', startSample: cut },
    ]);
  });

  it('makes segments that cover everything and are never too long', () => {
    const probabilities = Array.from({ length: 4000 }, (_, index) => 0.7 + 0.2 * Math.sin(index / 7));
    const segments = ends(eventsOf(probabilities));
    expect(segments.length).toBeGreaterThanOrEqual(5);
    let reached = 0;
    for (const { startSample, endSample } of segments) {
      expect(startSample).toBe(reached);
      expect(endSample - startSample).toBeLessThanOrEqual(longest);
      expect(endSample).toBeGreaterThan(startSample);
      reached = endSample;
    }
    expect(reached).toBe(4000 * frame);
  });

  it('prefers a short pause to a single quiet frame', () => {
    const probabilities = speech(1500);
    probabilities[850] = 0.3;
    probabilities.fill(0.3, 700, 705);
    const [first] = ends(eventsOf(probabilities));
    expect(first!.endSample).toBeGreaterThan(700 * frame);
    expect(first!.endSample).toBeLessThan(705 * frame);
  });

  it('does not open a segment for the silence after a cut', () => {
    const probabilities = [...speech(920), ...silence(60)];
    const events = eventsOf(probabilities, { endSilenceMs: 2000 });
    expect(events.filter((event) => event.kind === 'speechStart')).toHaveLength(1);
    expect(ends(events)).toHaveLength(1);
  });

  it('follows every start with one end of the same segment', () => {
    let state = 7;
    const random = (): number => (state = (Math.imul(state, 48271) >>> 0) % 0x7fffffff) / 0x7fffffff;
    let level = 0.5;
    const probabilities = Array.from({ length: 20_000 }, () => {
      level = Math.min(1, Math.max(0, level + (random() - 0.5) * 0.3));
      return level;
    });
    const events = eventsOf(probabilities);
    expect(events.length).toBeGreaterThan(20);
    let last = 0;
    events.forEach((event, index) => {
      expect(event.kind).toBe(index % 2 === 0 ? 'speechStart' : 'speechEnd');
      expect(event.startSample).toBeGreaterThanOrEqual(last);
      if (event.kind === 'speechEnd') {
        expect(event.startSample).toBe(events[index - 1]!.startSample);
        expect(event.endSample - event.startSample).toBeLessThanOrEqual(longest);
        last = event.endSample;
      }
    });
  });
});
