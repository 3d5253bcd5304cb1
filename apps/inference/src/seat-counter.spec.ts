import type { Lane } from '@app/protocol';
import type { InferenceMetrics } from './metrics/inference-metrics';
import { SeatCounter } from './seat-counter';

const tts: Lane = { kind: 'tts', model: 'piper' };
const stt: Lane = { kind: 'stt', model: 'whisper-tiny-en' };

describe('SeatCounter', () => {
  const seats: unknown[] = [];
  const ends: unknown[] = [];
  const metrics = {
    seats: (...values: unknown[]) => void seats.push(values),
    jobEnded: (...values: unknown[]) => void ends.push(values),
  } as unknown as InferenceMetrics;

  it('shows every lane before its first job, and then how many of its seats are taken', () => {
    const counter = new SeatCounter(metrics, [tts, stt], 8);
    expect(seats.splice(0)).toEqual([
      ['tts.piper', 8, 0],
      ['stt.whisper-tiny-en', 8, 0],
    ]);
    counter.seatTaken(tts);
    counter.seatTaken(tts);
    counter.seatTaken(stt);
    counter.seatFreed(tts);
    expect(seats).toEqual([
      ['tts.piper', 8, 1],
      ['tts.piper', 8, 2],
      ['stt.whisper-tiny-en', 8, 1],
      ['tts.piper', 8, 1],
    ]);
  });

  it('counts how jobs ended', () => {
    const counter = new SeatCounter(metrics, [], 8);
    for (const outcome of ['done', 'problem', 'handed_back', 'lost'] as const) counter.jobEnded({ lane: tts, outcome });
    expect(ends).toEqual([
      ['tts.piper', 'done'],
      ['tts.piper', 'error'],
      ['tts.piper', 'handed_back'],
      ['tts.piper', 'cancelled'],
    ]);
  });
});
