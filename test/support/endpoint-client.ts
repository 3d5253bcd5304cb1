import type { Target } from '../../tools/client/tts-client';

/** What a request is answered. */
export interface Answer {
  readonly status: number;
  /** The JSON of the body. */
  readonly body: unknown;
}

/** What a request may differ in from a good one. */
export interface RequestOptions {
  readonly apiKey?: string;
  readonly query?: string;
  /** Media type of the body; audio/wav unless given. */
  readonly type?: string;
}

/** Sends recordings to a function endpoint. */
export class EndpointClient {
  constructor(
    private readonly target: Target,
    private readonly path: string,
  ) {}

  /** The recording as the whole body. */
  post(body: Uint8Array | string, options: RequestOptions = {}): Promise<Answer> {
    return this.send(body, { ...options, type: options.type ?? 'audio/wav' });
  }

  /** The recording as the file of a form. */
  postForm(recording: Uint8Array, options: RequestOptions = {}): Promise<Answer> {
    const form = new FormData();
    form.append('file', new Blob([recording], { type: 'audio/wav' }), 'recording.wav');
    return this.send(form, options);
  }

  private async send(body: RequestInit['body'], { apiKey, query = '', type }: RequestOptions): Promise<Answer> {
    const response = await fetch(this.target.api + this.path + query, {
      method: 'POST',
      headers: { 'x-api-key': apiKey ?? this.target.apiKey, ...(type === undefined ? {} : { 'content-type': type }) },
      body,
    });
    return { status: response.status, body: await response.json() };
  }
}
