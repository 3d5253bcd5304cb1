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
  readonly openForMs: number;
  /** The speech of each sentence, in bytes. */
  readonly spoken: readonly Buffer[];
  readonly heard: SttRun;
  readonly recording: Recording;
}

/** A TTS socket that speaks a sentence every few seconds, and an STT socket that hears speech all the time. */
export class LongSessions {
  private constructor(
    private readonly startedMs: number,
    private readonly speaking: Promise<Buffer[]>,
    private readonly hearing: Promise<SttRun>,
    private readonly recording: Recording,
  ) {}

  static async open(target: Target): Promise<LongSessions> {
    const recording = await record(target, livesForSeconds);
    const startedMs = performance.now();
    const speaking = speakAgainAndAgain(target, startedMs + livesForSeconds * 1_000);
    const hearing = transcribeStream(target, recording.samples, recording.sampleRateHz);
    for (const session of [speaking, hearing]) session.catch(() => undefined);
    return new LongSessions(startedMs, speaking, hearing, recording);
  }

  /** Resolves when both have come to their end. */
  async ended(): Promise<SessionsEnd> {
    const [spoken, heard] = await Promise.all([this.speaking, this.hearing]);
    return { openForMs: performance.now() - this.startedMs, spoken, heard, recording: this.recording };
  }
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
