import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { KeptConnections } from '@app/broker';
import { Tracing, type TraceHeaders } from '@app/platform';
import { AuthorizationGranted, isProblemCode, ProblemError, validated, type AuthorizationRequest } from '@app/protocol';
import { GatewayConfig } from '../gateway.config';
import { GatewayMetrics } from '../metrics/gateway-metrics';

const maxKeptGrants = 10_000;
const maxAnswerBytes = 64 * 1024;
const maxConnections = 64;
const retryAfterSeconds = 2;

/** A grant. `kept`: whether it is an earlier one that is used again. */
interface Grant {
  readonly granted: AuthorizationGranted;
  readonly kept: boolean;
}

interface KeptGrant {
  readonly granted: AuthorizationGranted;
  readonly validUntilMs: number;
}

/**
 * Asks the license app whether a request may run. Every request asks. An earlier grant is used only while the license
 * app cannot be reached, and no longer than that grant allows. Refusals have the problem code of the license app. If
 * there is no answer and no earlier grant, throws `license_unavailable`.
 */
@Injectable()
export class LicenseClient {
  private readonly kept = new Map<string, KeptGrant>();
  private readonly connections: KeptConnections;

  constructor(
    private readonly config: GatewayConfig,
    private readonly metrics: GatewayMetrics,
    private readonly tracing: Tracing,
  ) {
    const url = new URL('authorize', withSlash(config.licenseProxyUrl));
    this.connections = new KeptConnections(url, { connections: maxConnections });
  }

  /** `parent`: trace context of the request. */
  async authorize(request: AuthorizationRequest, parent?: TraceHeaders): Promise<AuthorizationGranted> {
    const startedAtMs = performance.now();
    const span = this.tracing.start('authorize', { parent, kind: 'client' });
    let outcome = 'granted';
    try {
      const { granted, kept } = await this.ask(request, span.headers);
      if (kept) outcome = 'kept';
      return granted;
    } catch (error) {
      outcome = ProblemError.from(error).code;
      throw error;
    } finally {
      this.metrics.authorized(outcome, performance.now() - startedAtMs);
      span.set({ 'antiphon.outcome': outcome });
      span.end();
    }
  }

  /** Aborts the requests that are running. */
  close(): void {
    this.connections.close();
  }

  private async ask(request: AuthorizationRequest, trace: TraceHeaders): Promise<Grant> {
    const id = grantId(request);
    let answer: Answer;
    try {
      answer = await this.post(request, trace);
    } catch (error) {
      return this.keptGrant(id, error);
    }
    if (answer.status === 200) return this.keep(id, validated(AuthorizationGranted, answer.body));
    const code = codeOf(answer);
    if (answer.status >= 500 || code === undefined) return this.keptGrant(id, new Error(`status ${answer.status}`));
    this.kept.delete(id);
    throw new ProblemError(code);
  }

  private keep(id: string, granted: AuthorizationGranted): Grant {
    this.kept.delete(id);
    this.kept.set(id, { granted, validUntilMs: performance.now() + granted.validForMs });
    const oldest = this.kept.keys().next();
    if (this.kept.size > maxKeptGrants && !oldest.done) this.kept.delete(oldest.value);
    return { granted, kept: false };
  }

  private keptGrant(id: string, cause: unknown): Grant {
    const kept = this.kept.get(id);
    if (kept && kept.validUntilMs > performance.now()) return { granted: kept.granted, kept: true };
    this.kept.delete(id);
    throw new ProblemError('license_unavailable', { cause, retryAfterSeconds });
  }

  private async post(body: AuthorizationRequest, trace: TraceHeaders): Promise<Answer> {
    const answer = await this.connections.post({
      headers: { ...trace, 'content-type': 'application/json', 'x-request-id': body.requestId },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(this.config.licenseTimeoutMs),
    });
    return { status: answer.statusCode, body: await readJson(answer.body) };
  }
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

async function readJson(body: AsyncIterable<Buffer>): Promise<unknown> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of body) {
    pieces.push(piece);
    bytes += piece.length;
    if (bytes > maxAnswerBytes) throw new RangeError('the answer is too long');
  }
  return JSON.parse(Buffer.concat(pieces).toString('utf8')) as unknown;
}

/** The problem code of a refusal, or undefined if it is not in the table of problems. */
function codeOf({ body }: Answer): ConstructorParameters<typeof ProblemError>[0] | undefined {
  const code: unknown = (body as { error_code?: unknown } | null)?.error_code;
  return typeof code === 'string' && isProblemCode(code) ? code : undefined;
}

/** Only the hash of a key is stored. */
const grantId = ({ key, feature, model }: AuthorizationRequest): string =>
  createHash('sha256')
    .update(`${feature}\n${model ?? ''}\n${key}`)
    .digest('base64');

const withSlash = (url: string): string => (url.endsWith('/') ? url : `${url}/`);
