import { parseMetrics, sumOf } from '../../../../tools/client/prometheus';
import { samplesOfEvents, TtsClient, type Target, type TimedEvent } from '../../../../tools/client/tts-client';
import type { PodProcess } from './pod-process';

const sockets = 6;

/** The same for all, so that the same text gives the same audio. */
const seed = 7;

/** What must have happened to a text. */
export interface Spoken {
  /** The type and the message of each terminal event. */
  readonly ends: readonly (readonly [string, string | undefined])[];
  readonly audio: Buffer;
  /** In ms of `performance.now()`; NaN without audio. */
  readonly firstAudioAtMs: number;
}

/** The ends of a text that was spoken once and whole. */
export const onceAndWhole = [['done', undefined]];

/** Speaks every text at once, over a few sockets. */
export async function speakAll(target: Target, texts: readonly string[]): Promise<Spoken[]> {
  const count = Math.min(sockets, texts.length);
  const clients = await Promise.all(Array.from({ length: count }, () => TtsClient.open(target)));
  const answers = await Promise.all(
    texts.map((text, index) => (clients[index % count] as TtsClient).speak(`context-${index}`, text, { seed })),
  );
  for (const client of clients) client.close();
  return answers.map(spoken);
}

function spoken(events: readonly TimedEvent[]): Spoken {
  const ends = events.filter(({ event }) => event.done).map(({ event }) => [event.type, event.message] as const);
  return {
    ends,
    audio: Buffer.from(samplesOfEvents(events).buffer),
    firstAudioAtMs: events.find(({ event }) => event.type === 'chunk')?.atMs ?? NaN,
  };
}

/** Whether a worker was told to stop, after this moment, while it had jobs. */
export function wasBusyAtItsEnd({ times }: PodProcess, sinceMs: number): boolean {
  const { stopSignalAtMs = 0, lastMetrics = '' } = times;
  return stopSignalAtMs > sinceMs && sumOf(parseMetrics(lastMetrics), 'antiphon_busy_seats') > 0;
}
