import { TtsClient, voiceRateHz, type Target, type TimedEvent } from '../client/tts-client';
import { listen, type Arrival, type Listening } from './playback';
import { median, quantile } from './statistics';

/** The sentence to which the targets refer. */
export const benchSentence =
  'It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of foolishness.';

/** Speaks a text and returns its audio with times of arrival: a deployment of ours, or a peer. */
export interface Speaker {
  readonly name: string;
  readonly sampleRateHz: number;
  speak(text: string): Promise<readonly Arrival[]>;
  close(): void;
}

/** The result of many concurrent contexts on one speaker. */
export interface TtsResult {
  readonly speaker: string;
  readonly contexts: number;
  readonly requests: number;
  readonly firstAudioP50Ms: number;
  readonly firstAudioP95Ms: number;
  readonly audioSecondsPerSecond: number;
  /** Share of contexts whose player ran out of audio at least once. */
  readonly underrunShare: number;
}

/** Opens our speaker: one socket per context, like separate clients. */
export async function openSpeaker(target: Target, contexts: number): Promise<Speaker> {
  const clients = await Promise.all(Array.from({ length: contexts }, () => TtsClient.open(target)));
  let next = 0;
  return {
    name: 'antiphon',
    sampleRateHz: voiceRateHz,
    speak: async (text) => {
      const number = next++;
      const client = clients[number % clients.length] as TtsClient;
      const events = await client.speak(`bench-${number}`, text, { seed: number });
      const last = events.at(-1)?.event;
      if (last?.type !== 'done') throw new Error(`a context ended with ${last?.error_code}: ${last?.message}`);
      return arrivalsOf(events);
    },
    close: () => clients.forEach((client) => client.close()),
  };
}

const arrivalsOf = (events: readonly TimedEvent[]): Arrival[] =>
  events.flatMap(({ atMs, event }) => {
    if (event.type !== 'chunk' || !event.data) return [];
    const bytes = Buffer.from(event.data, 'base64');
    return [{ atMs, samples: new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length)) }];
  });

/** Runs one round, in which all contexts begin at the same moment. */
export async function speakTogether(
  speaker: Speaker,
  contexts: number,
  text: string,
): Promise<{ heard: Listening[]; wallMs: number }> {
  const startedAtMs = performance.now();
  const heard = await Promise.all(
    Array.from({ length: contexts }, async () => listen(startedAtMs, await speaker.speak(text), speaker.sampleRateHz)),
  );
  return { heard, wallMs: performance.now() - startedAtMs };
}

/** Summarises several rounds of one speaker. */
export function summarise(
  speaker: string,
  contexts: number,
  rounds: readonly { heard: Listening[]; wallMs: number }[],
): TtsResult {
  const heard = rounds.flatMap((round) => round.heard);
  const audioSeconds = heard.reduce((sum, one) => sum + one.audioSeconds, 0);
  const wallSeconds = rounds.reduce((sum, { wallMs }) => sum + wallMs, 0) / 1_000;
  const firsts = heard.map(({ firstAudioMs }) => firstAudioMs);
  return {
    speaker,
    contexts,
    requests: heard.length,
    firstAudioP50Ms: median(firsts),
    firstAudioP95Ms: quantile(firsts, 0.95),
    audioSecondsPerSecond: audioSeconds / wallSeconds,
    underrunShare: heard.filter(({ underruns }) => underruns > 0).length / heard.length,
  };
}
