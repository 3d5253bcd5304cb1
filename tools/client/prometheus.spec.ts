import { parseMetrics, sumOf } from './prometheus';

const page = `# HELP seats Seats
# TYPE seats gauge
seats{lane="tts.piper",worker="a \\"b\\""} 8
seats{lane="stt.whisper"} 4
up 1
odd{le="+Inf"} 3e2
`;

describe('a metrics page', () => {
  it('is read into samples with labels', () => {
    expect(parseMetrics(page)).toEqual([
      { name: 'seats', labels: { lane: 'tts.piper', worker: 'a \\"b\\"' }, value: 8 },
      { name: 'seats', labels: { lane: 'stt.whisper' }, value: 4 },
      { name: 'up', labels: {}, value: 1 },
      { name: 'odd', labels: { le: '+Inf' }, value: 300 },
    ]);
  });

  it('is summed by name and labels', () => {
    expect(sumOf(parseMetrics(page), 'seats')).toBe(12);
    expect(sumOf(parseMetrics(page), 'seats', { lane: 'tts.piper' })).toBe(8);
    expect(sumOf(parseMetrics(page), 'missing')).toBe(0);
  });
});
