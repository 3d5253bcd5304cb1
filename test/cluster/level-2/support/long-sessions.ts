import { setTimeout as delay } from 'node:timers/promises';
import { transcribeStream, type SttRun } from '../../../../tools/client/stt-client';
import { samplesOfEvents, TtsClient, type Target } from '../../../../tools/client/tts-client';
import { record, type Recording } from './recording';

/** Beyond the 300 s that Knative allows a request by default, and to its first byte. */
const livesForSeconds = 310;
const pauseMs = 8_000;
const sentence = 'Nobody had expected it before the morning.';

/** What became of the two sockets. */
export interface SessionsEnd {
  /** The speech of each sentence, in bytes. */
  readonly speaking: Lived<readonly Buffer[]>;
  readonly hearing: Lived<SttRun>;
  readonly recording: Recording;
}

/** What came of something, and how long it took. */
export interface Lived<T> {
  readonly outcome: T;
  readonly forMs: number;
}

/** A TTS socket that speaks a sentence every few seconds, and an STT socket that hears speech all the time. */
export class LongSessions {
  private constructor(private readonly end: Promise<SessionsEnd>) {}

  static async open(target: Target): Promise<LongSessions> {
    const recording = await record(target, { seconds: livesForSeconds });
    const untilMs = performance.now() + livesForSeconds * 1_000;
    const end = Promise.all([
      lived(speakAgainAndAgain(target, untilMs)),
      lived(transcribeStream(target, recording.samples, recording.sampleRateHz)),
    ]).then(([speaking, hearing]) => ({ speaking, hearing, recording }));
    end.catch(() => undefined);
    return new LongSessions(end);
  }

  /** Resolves when both have come to their end. */
  ended(): Promise<SessionsEnd> {
    return this.end;
  }
}

async function lived<T>(work: Promise<T>): Promise<Lived<T>> {
  const startedMs = performance.now();
  return { outcome: await work, forMs: performance.now() - startedMs };
}

async function speakAgainAndAgain(target: Target, untilMs: number): Promise<Buffer[]> {
  const client = await TtsClient.open(target);
  const spoken: Buffer[] = [];
  while (performance.now() < untilMs) {
    const events = await client.speak(`sentence-${spoken.length}`, sentence, { seed: 9 });
    if (events.at(-1)?.event.type !== 'done') throw new Error(`a sentence ended with ${events.at(-1)?.event.type}`);
    spoken.push(Buffer.from(samplesOfEvents(events).buffer));
    await delay(pauseMs);
  }
  client.close();
  return spoken;
}
