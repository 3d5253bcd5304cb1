import { Injectable } from '@nestjs/common';
import { KeptConnections } from '@app/broker';
import { Log, Tracing, type TraceHeaders } from '@app/platform';
import {
  AccessTokenIssued,
  AuthorizationGranted,
  isProblemCode,
  ProblemError,
  validated,
  type AccessTokenRequest,
  type AuthorizationRequest,
  type ProblemCode,
} from '@app/protocol';
import { GatewayConfig } from '../gateway.config';
import { GatewayMetrics } from '../metrics/gateway-metrics';
import { LicenseProxyMetrics } from '../metrics/license-proxy-metrics';
import { decidedIn, KeptGrants, keptForMs, type Decided } from './kept-grants';
import { ProxyWatch } from './proxy-watch';

const maxAnswerBytes = 64 * 1024;
const maxConnections = 64;
const maxTokenConnections = 8;
const retryAfterSeconds = 2;
/** Longest message of a refusal that is passed on. */
const maxMessageLength = 1_000;
/** They refuse one feature until the next month. */
const quotaCodes: ReadonlySet<ProblemCode> = new Set<ProblemCode>(['quota_exceeded', 'license_quota_exceeded']);

/** A grant. `kept`: whether it is an earlier one that is used again. */
interface Grant {
  readonly granted: AuthorizationGranted;
  readonly kept: boolean;
}

/**
 * Asks the license app whether a request may run. Every request asks. Concurrent requests of one key for one feature and
 * model share a call. An earlier grant is used only while the license app does not decide, and no longer than that grant
 * allows. Refusals have the code, message and Retry-After of the license app. If there is no decision and no earlier grant, throws
 * `license_unavailable`. A license app that hangs costs one time-out: see `ProxyWatch`.
 */
@Injectable()
export class LicenseClient {
  private readonly kept = new KeptGrants();
  private readonly asked = new Map<string, Promise<Grant>>();
  private readonly authorizations: KeptConnections;
  private readonly tokens: KeptConnections;
  private readonly watch: ProxyWatch;

  constructor(
    config: GatewayConfig,
    private readonly metrics: GatewayMetrics,
    proxyMetrics: LicenseProxyMetrics,
    private readonly tracing: Tracing,
    log: Log,
  ) {
    const base = withSlash(config.licenseProxyUrl);
    this.authorizations = new KeptConnections(new URL('authorize', base), { connections: maxConnections });
    this.tokens = new KeptConnections(new URL('access-token', base), { connections: maxTokenConnections });
    this.watch = new ProxyWatch({
      timeoutMs: config.licenseTimeoutMs,
      probeMs: config.licenseProbeMs,
      probe: (signal) => isReady(new URL('readyz', base), signal),
      metrics: proxyMetrics,
      log,
    });
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

  /** A token for the holder of a key. Throws `license_unavailable` if the license app does not decide. */
  async issueToken(request: AccessTokenRequest, parent: TraceHeaders = {}): Promise<AccessTokenIssued> {
    const decision = await this.decided(AccessTokenIssued, this.tokens, request, parent).catch((cause: unknown) => {
      throw new ProblemError('license_unavailable', { cause, retryAfterSeconds });
    });
    if ('refusal' in decision) throw decision.refusal;
    this.watch.answered();
    return decision.granted;
  }

  /** Aborts the requests that are running. */
  close(): void {
    this.watch.close();
    this.authorizations.close();
    this.tokens.close();
  }

  private ask(request: AuthorizationRequest, trace: TraceHeaders): Promise<Grant> {
    const about = decidedIn(request);
    const id = `${about.keyHash}\n${about.use}`;
    const shared = this.asked.get(id);
    if (shared) return shared;
    const asked = this.askAlone(about, request, trace).finally(() => this.asked.delete(id));
    this.asked.set(id, asked);
    return asked;
  }

  private async askAlone(about: Decided, request: AuthorizationRequest, trace: TraceHeaders): Promise<Grant> {
    let decision: Decision<AuthorizationGranted>;
    try {
      decision = await this.decided(AuthorizationGranted, this.authorizations, request, trace);
    } catch (cause) {
      const granted = this.kept.find(about, performance.now());
      if (granted) return { granted, kept: true };
      throw new ProblemError('license_unavailable', { cause, retryAfterSeconds });
    }
    if ('refusal' in decision) {
      this.forget(about, decision.refusal);
      throw decision.refusal;
    }
    const { granted } = decision;
    this.kept.keep(about, granted, performance.now());
    this.watch.answered(keptForMs(granted));
    return { granted, kept: false };
  }

  private forget(about: Decided, { code, row }: ProblemError): void {
    if (code === 'model_not_licensed') this.kept.forgetModel(about);
    else if (row.status === 403 || quotaCodes.has(code)) this.kept.forgetFeature(about);
    else this.kept.forgetKey(about);
  }

  /** What the license app decided; rejects where it decided nothing. */
  private async decided<T extends object>(
    type: new () => T,
    connections: KeptConnections,
    body: AuthorizationRequest | AccessTokenRequest,
    trace: TraceHeaders,
  ): Promise<Decision<T>> {
    try {
      const decision = decisionIn(type, await this.watch.call((signal) => post(connections, body, trace, signal)));
      if ('refusal' in decision) this.watch.answered();
      return decision;
    } catch (error) {
      this.watch.failed(error);
      throw error;
    }
  }
}

interface Answer {
  readonly status: number;
  readonly retryAfter: unknown;
  readonly body: unknown;
}

type Decision<T> = { readonly granted: T } | { readonly refusal: ProblemError };

async function post(
  connections: KeptConnections,
  body: AuthorizationRequest | AccessTokenRequest,
  trace: TraceHeaders,
  signal: AbortSignal,
): Promise<Answer> {
  const answer = await connections.post({
    headers: { ...trace, 'content-type': 'application/json', 'x-request-id': body.requestId },
    body: JSON.stringify(body),
    signal,
  });
  const { statusCode: status, headers: received } = answer;
  return { status, retryAfter: received['retry-after'], body: await readJson(answer.body) };
}

/** Throws where the answer is neither a grant nor a refusal. */
function decisionIn<T extends object>(type: new () => T, answer: Answer): Decision<T> {
  if (answer.status === 200) return { granted: validated(type, answer.body) };
  const code = codeOf(answer);
  // The license app decided this: it refuses everybody until there is room. Other errors of a server decide nothing.
  const isDecided = answer.status < 500 || code === 'audit_log_full';
  if (!isDecided || code === undefined) throw new Error(`status ${answer.status}`);
  return { refusal: new ProblemError(code, reasonsOf(answer)) };
}

/** What the license app says of a refusal: the limit and its reset, for example. */
function reasonsOf({ body, retryAfter }: Answer): { detail?: string; retryAfterSeconds?: number } {
  const message: unknown = (body as { message?: unknown } | null)?.message;
  const isMessage = typeof message === 'string' && message !== '' && message.length <= maxMessageLength;
  const isTime = typeof retryAfter === 'string' && /^\d{1,9}$/.test(retryAfter);
  return { ...(isMessage ? { detail: message } : {}), ...(isTime ? { retryAfterSeconds: Number(retryAfter) } : {}) };
}

async function isReady(url: URL, signal: AbortSignal): Promise<boolean> {
  const response = await fetch(url, { signal });
  await response.body?.cancel();
  return response.ok;
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
function codeOf({ body }: Answer): ProblemCode | undefined {
  const code: unknown = (body as { error_code?: unknown } | null)?.error_code;
  return typeof code === 'string' && isProblemCode(code) ? code : undefined;
}

const withSlash = (url: string): string => (url.endsWith('/') ? url : `${url}/`);
