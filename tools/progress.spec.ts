import { drawProgress } from './progress';

const progress = { id: 'piper-joe', totalBytes: 58_400_000, bytesPerSecond: 12_340_000 };

function drawn(isTTY: boolean): string {
  let text = '';
  const draw = drawProgress({ isTTY, write: (more) => (text += more) });
  draw({ ...progress, step: 'download', bytes: 0 });
  draw({ ...progress, step: 'download', bytes: 29_200_000 });
  draw({ ...progress, step: 'unpack', bytes: 58_400_000 });
  draw({ ...progress, step: 'done', bytes: 58_400_000 });
  return text;
}

describe('drawProgress', () => {
  it('moves one line with a bar, size and rate on a terminal', () => {
    const frames = drawn(true).split('\r');
    expect(frames[2]).toContain('[############............]  29.2 / 58.4 MB  12.3 MB/s');
    expect(frames[3]).toContain('[########################]  58.4 / 58.4 MB  unpacking');
    expect(drawn(true).match(/\n/g)).toHaveLength(1);
  });

  it('writes plain lines elsewhere', () => {
    expect(drawn(false)).toBe('piper-joe: downloading 58.4 MB\npiper-joe: 58.4 MB downloaded at 12.3 MB/s, verified\n');
  });
});
