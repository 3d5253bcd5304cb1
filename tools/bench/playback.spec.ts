import { listen } from './playback';

const rateHz = 1_000;
const loud = (milliseconds: number): Float32Array => new Float32Array(milliseconds).fill(0.1);
const quiet = (milliseconds: number): Float32Array => new Float32Array(milliseconds).fill(0.001);

describe('a player that starts at the first audio', () => {
  it('hears the first audible sample, not the silence before it', () => {
    const heard = listen(
      100,
      [
        { atMs: 110, samples: quiet(20) },
        { atMs: 150, samples: loud(20) },
      ],
      rateHz,
    );
    expect(heard.firstAudioMs).toBe(50);
    expect(heard.audioSeconds).toBe(0.04);
  });

  it('does not run dry while audio comes in time', () => {
    const heard = listen(
      0,
      [
        { atMs: 10, samples: loud(50) },
        { atMs: 60, samples: loud(50) },
      ],
      rateHz,
    );
    expect(heard.underruns).toBe(0);
  });

  it('counts each time it runs dry and for how long', () => {
    const arrivals = [
      { atMs: 10, samples: loud(50) },
      { atMs: 80, samples: loud(50) },
      { atMs: 140, samples: loud(10) },
    ];
    const heard = listen(0, arrivals, rateHz);
    expect(heard.underruns).toBe(2);
    expect(heard.underrunMs).toBe(30);
  });

  it('has heard nothing of silence', () => {
    expect(listen(0, [{ atMs: 5, samples: quiet(10) }], rateHz).firstAudioMs).toBe(Infinity);
  });
});
