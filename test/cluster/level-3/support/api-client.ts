import { Agent, request, type RequestOptions } from 'node:https';
import type { IncomingMessage } from 'node:http';

/** Where an API server is and as whom it is spoken to. */
export interface ApiServer {
  readonly port: number;
  readonly token: string;
  readonly authority: Buffer;
}

/** What every object of the API has. */
export interface KubernetesObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly uid?: string;
    readonly resourceVersion?: string;
    readonly deletionTimestamp?: string;
    readonly deletionGracePeriodSeconds?: number;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
}

/** A change of a watched collection. */
export interface WatchEvent<T> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  readonly object: T;
}

/** An answer that is not a success; `message` is the API server's. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

type PatchType = 'merge-patch' | 'strategic-merge-patch' | 'json-patch';

/** The Kubernetes API by its paths, in JSON. */
export class ApiClient {
  private readonly agent: Agent;

  constructor(private readonly server: ApiServer) {
    this.agent = new Agent({ keepAlive: true, ca: server.authority });
  }

  get<T>(path: string): Promise<T> {
    return this.ask<T>('GET', path);
  }

  /** The objects of a collection. */
  async list<T>(path: string): Promise<readonly T[]> {
    return (await this.get<{ items: T[] }>(path)).items;
  }

  /** Creates an object; unknown and repeated fields are refused, as `kubectl` does. */
  create<T extends object>(collection: string, object: T): Promise<T> {
    return this.ask<T>('POST', withQuery(collection, 'fieldValidation=Strict'), object);
  }

  patch<T>(path: string, patch: object, type: PatchType = 'merge-patch'): Promise<T> {
    return this.ask<T>('PATCH', path, patch, `application/${type}+json`);
  }

  delete(path: string, graceSeconds?: number): Promise<unknown> {
    return this.ask('DELETE', path, { ...(graceSeconds !== undefined && { gracePeriodSeconds: graceSeconds }) });
  }

  /** Whether the server answers 200 there; false while it does not answer at all. */
  async isOk(path: string): Promise<boolean> {
    const response = await this.open('GET', path).catch(() => undefined);
    response?.resume();
    return response?.statusCode === 200;
  }

  /** Reports every change from now on, existing objects as ADDED first, until the returned function is called. */
  watch<T extends KubernetesObject>(path: string, onEvent: (event: WatchEvent<T>) => void): () => void {
    const watching = new AbortController();
    void this.follow(path, onEvent, watching.signal);
    return () => watching.abort();
  }

  close(): void {
    this.agent.destroy();
  }

  /** Watches end after some minutes, on the server's side: each goes on where the last one stopped. */
  private async follow<T extends KubernetesObject>(
    path: string,
    onEvent: (event: WatchEvent<T>) => void,
    signal: AbortSignal,
  ): Promise<void> {
    let version = '';
    while (!signal.aborted) {
      const from = version ? `&resourceVersion=${version}` : '';
      try {
        const response = await this.open('GET', withQuery(path, `watch=true${from}`), { signal });
        for await (const line of linesOf(response)) {
          const event = JSON.parse(line) as WatchEvent<T>;
          version = event.type === 'ERROR' ? '' : (event.object.metadata.resourceVersion ?? version);
          if (event.type !== 'ERROR' && event.type !== 'BOOKMARK') onEvent(event);
        }
      } catch (error) {
        if (!signal.aborted && !isConnectionLoss(error)) throw error;
      }
    }
  }

  private async ask<T>(method: string, path: string, body?: object, type = 'application/json'): Promise<T> {
    const text = body && JSON.stringify(body);
    // For a DELETE the length is not set by itself, and its body would be read as the next request.
    const headers = text === undefined ? {} : { 'Content-Type': type, 'Content-Length': Buffer.byteLength(text) };
    const response = await this.open(method, path, { headers }, text);
    const answer = await textOf(response);
    const status = response.statusCode ?? 0;
    if (status < 300) return JSON.parse(answer) as T;
    throw new ApiError(status, messageOf(answer));
  }

  private open(method: string, path: string, options: RequestOptions = {}, body?: string): Promise<IncomingMessage> {
    const headers = { Authorization: `Bearer ${this.server.token}`, Accept: 'application/json', ...options.headers };
    return new Promise((resolve, reject) => {
      const { agent, server } = this;
      request({ host: '127.0.0.1', port: server.port, path, method, agent, ...options, headers }, resolve)
        .once('error', reject)
        .end(body);
    });
  }
}

const withQuery = (path: string, query: string): string => `${path}${path.includes('?') ? '&' : '?'}${query}`;

async function textOf(response: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of response) pieces.push(piece as Buffer);
  return Buffer.concat(pieces).toString('utf8');
}

async function* linesOf(response: IncomingMessage): AsyncGenerator<string> {
  let rest = '';
  for await (const piece of response.setEncoding('utf8')) {
    const lines = (rest + String(piece)).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
}

function messageOf(text: string): string {
  try {
    return (JSON.parse(text) as { message?: string }).message ?? text;
  } catch {
    return text;
  }
}

const isConnectionLoss = (error: unknown): boolean =>
  ['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ABORT_ERR'].includes((error as NodeJS.ErrnoException).code ?? '');
