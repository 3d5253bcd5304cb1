import { ChannelMixer } from './channel-mixer';
import { rmsDbfs } from './level';

const rateHz = 8_000;
const tone = (hz: number, seconds = 1): Float32Array =>
  Float32Array.from({ length: rateHz * seconds }, (_, at) => Math.sin((2 * Math.PI * hz * at) / rateHz) / 2);
const interleave = (...channels: Float32Array[]): Float32Array =>
  Float32Array.from(
    { length: channels.length * channels[0]!.length },
    (_, at) => channels[at % channels.length]![Math.floor(at / channels.length)]!,
  );
const silent = new Float32Array(rateHz);

function mixed(channels: Float32Array[], pieceSamples = Infinity): Float32Array {
  const mixer = new ChannelMixer(channels.length, rateHz);
  const samples = interleave(...channels);
  const mono: number[] = [];
  const step = Math.min(pieceSamples, samples.length);
  for (let at = 0; at < samples.length; at += step) mono.push(...mixer.push(samples.subarray(at, at + step)));
  mono.push(...mixer.flush());
  return Float32Array.from(mono);
}

describe('ChannelMixer', () => {
  const speech = tone(440);
  const level = rmsDbfs(speech);

  it('leaves one channel as it is, and two equal ones at their level', () => {
    expect(mixed([speech])).toEqual(speech);
    expect(mixed([speech, speech])).toEqual(speech);
  });

  it('does not lose speech whose other channel is its inverse, nor a weaker inverse', () => {
    const inverse = speech.map((sample) => -sample);
    const weaker = speech.map((sample) => -0.8 * sample);
    expect(rmsDbfs(mixed([speech, inverse]))).toBeCloseTo(level, 1);
    expect(rmsDbfs(mixed([weaker, speech]))).toBeCloseTo(level, 1);
  });

  it('stays with one channel of a pair that cancels itself, whichever is a little louder', () => {
    const left = speech.map((sample, at) => sample * (Math.floor(at / 160) % 2 ? 1 : 1.05));
    const right = speech.map((sample, at) => -sample * (Math.floor(at / 160) % 2 ? 1.05 : 1));
    const mono = mixed([left, right]);
    expect(rmsDbfs(mono)).toBeCloseTo(rmsDbfs(left), 1);
  });

  it('keeps the level of a channel beside silent ones', () => {
    const hiss = silent.map((_, at) => ((at * 7_919) % 13) / 13_000);
    expect(mixed([speech, silent])).toEqual(speech);
    expect(rmsDbfs(mixed([silent, silent, speech, silent, hiss, silent]))).toBeCloseTo(level, 1);
  });

  it('hears both of two who speak at the same time, and each alone at the own level', () => {
    const other = tone(611);
    const mean = speech.map((sample, at) => (sample + other[at]!) / 2);
    mixed([speech, other]).forEach((sample, at) => expect(sample).toBeCloseTo(mean[at]!, 5));
    const turns = mixed([Float32Array.of(...speech, ...silent), Float32Array.of(...silent, ...other)]);
    expect(rmsDbfs(turns.subarray(0, rateHz))).toBeCloseTo(level, 1);
    expect(rmsDbfs(turns.subarray(rateHz + 200))).toBeCloseTo(rmsDbfs(other), 1);
  });

  it('gives the same mix however the samples are cut, and drops a part of a frame', () => {
    const channels = [speech, tone(300).map((sample, at) => (at < 3_000 ? -sample : sample)), silent];
    const whole = mixed(channels);
    expect(whole).toHaveLength(rateHz);
    for (const pieceSamples of [1, 7, 1_000]) expect(mixed(channels, pieceSamples)).toEqual(whole);
    const mixer = new ChannelMixer(2, rateHz);
    mixer.push(Float32Array.of(0.5, 0.5, 0.5));
    expect([...mixer.flush()]).toEqual([0.5]);
  });

  it('changes from one channel to another without a step', () => {
    const inverse = tone(50).map((sample, at) => (at < rateHz / 2 ? -sample : sample));
    const mono = mixed([tone(50), inverse]);
    const steps = mono.slice(1).map((sample, at) => Math.abs(sample - mono[at]!));
    expect(Math.max(...steps)).toBeLessThan(0.05);
  });
});
