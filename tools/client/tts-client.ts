import { once } from 'node:events';
import WebSocket from 'ws';

/** The address of the API and the key for it. */
export interface Target {
  /** Base URL of the API, such as `http://127.0.0.1:5000`. */
  readonly api: string;
  readonly apiKey: string;
}

/** A server message on the TTS socket. */
export interface TtsEvent {
  readonly type: 'chunk' | 'timestamps' | 'phoneme_timestamps' | 'flush_done' | 'done' | 'error';
  readonly context_id?: string;
  readonly data?: string;
  readonly done: boolean;
  readonly status_code: number;
  readonly flush_id?: number;
  readonly word_timestamps?: { readonly words: string[]; readonly start: number[]; readonly end: number[] };
  readonly error_code?: string;
  readonly message?: string;
}

/** An event with the time it arrived, in ms of `performance.now()`. */
export interface TimedEvent {
  readonly atMs: number;
  readonly event: TtsEvent;
}

/** The samples of chunk events, in order. They are 32-bit floats, as `generation` requests. */
export function samplesOfEvents(events: readonly TimedEvent[]): Float32Array {
  const pieces = events.flatMap(({ event }) =>
    event.type === 'chunk' && event.data ? [Buffer.from(event.data, 'base64')] : [],
  );
  const bytes = Buffer.concat(pieces);
  const samples = new Float32Array(bytes.length >> 2);
  new Uint8Array(samples.buffer).set(bytes.subarray(0, samples.byteLength));
  return samples;
}

/** One TTS socket for a test or a measurement. It stores every event by context, with its time of arrival. */
export class TtsClient {
  private readonly events = new Map<string, TimedEvent[]>();
  private readonly waiting = new Map<string, () => void>();
  /** Resolves to the close code of the socket. */
  readonly closed: Promise<number>;

  private constructor(private readonly socket: WebSocket) {
    this.closed = new Promise((resolve) => socket.once('close', resolve));
    socket.on('message', (data: Buffer) => this.take(JSON.parse(data.toString('utf8')) as TtsEvent));
    socket.on('close', () => this.waiting.forEach((wake) => wake()));
  }

  static async open({ api, apiKey }: Target): Promise<TtsClient> {
    const socket = new WebSocket(`${api.replace(/^http/, 'ws')}/tts/websocket`, {
      headers: { 'X-API-Key': apiKey },
      perMessageDeflate: false,
    });
    const client = new TtsClient(socket);
    await once(socket, 'open');
    return client;
  }

  /** Sends one message of a context. The fields of `generation` come first. */
  send(contextId: string, message: object): void {
    this.socket.send(JSON.stringify({ context_id: contextId, ...message }));
  }

  eventsOf(contextId: string): readonly TimedEvent[] {
    return this.events.get(contextId) ?? [];
  }

  /** Resolves to the context's events when one of them satisfies the condition. Rejects if the socket closed before. */
  async until(contextId: string, condition: (event: TtsEvent) => boolean): Promise<readonly TimedEvent[]> {
    while (!this.eventsOf(contextId).some(({ event }) => condition(event))) {
      if (this.socket.readyState !== WebSocket.OPEN)
        throw new Error(`the socket closed before the expected event of context ${contextId}`);
      await new Promise<void>((resolve) => this.waiting.set(contextId, resolve));
    }
    return this.eventsOf(contextId);
  }

  /** Speaks a whole text in a context of its own. Resolves at its terminal event. */
  speak(contextId: string, transcript: string, fields: object = {}): Promise<readonly TimedEvent[]> {
    this.send(contextId, { ...generation(), transcript, continue: false, ...fields });
    return this.until(contextId, (event) => event.done);
  }

  close(): void {
    this.socket.terminate();
  }

  private take(event: TtsEvent): void {
    const contextId = event.context_id ?? '';
    const timed = { atMs: performance.now(), event };
    const known = this.events.get(contextId);
    if (known) known.push(timed);
    else this.events.set(contextId, [timed]);
    this.waiting.get(contextId)?.();
  }
}

/** Sample rate of the default voice, in hertz. */
export const voiceRateHz = 22_050;

/** Fields for the default voice and 32-bit floats. Default rate: that of the voice. */
export const generation = (sampleRateHz = voiceRateHz) => ({
  model_id: 'sonic-3',
  voice: { mode: 'id', id: 'joe' },
  output_format: { container: 'raw', encoding: 'pcm_f32le', sample_rate: sampleRateHz },
});
