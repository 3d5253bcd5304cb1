import type { JobClient } from '@app/broker';
import { Log, Tracing } from '@app/platform';
import type { UsageRecord } from '@app/protocol';
import type { GatewayMetrics } from '../../src/metrics/gateway-metrics';
import { RequestScope, type Caller, type ScopeServices, type Work } from '../../src/scope/request-scope';

/** Every measure that a piece of work takes, as a mock. */
export const mockMetrics = () => ({
  opened: jest.fn(),
  ended: jest.fn(),
  timeToFirstAudio: jest.fn(),
  overhead: jest.fn(),
  waitedInQueue: jest.fn(),
  stage: jest.fn(),
  audioPassed: jest.fn(),
  transcriptionLatency: jest.fn(),
});

/** What a test says of a scope; the rest is as quiet as can be. */
export interface TestScope {
  readonly jobs?: Pick<JobClient, 'submit'>;
  readonly metrics?: ReturnType<typeof mockMetrics>;
  readonly signal?: AbortSignal;
  readonly log?: (line: string) => void;
  readonly tracing?: Tracing;
  readonly work?: Work;
  readonly enter?: () => () => void;
  /** Stores every record at once if absent. */
  readonly usage?: ScopeServices['usage'];
}

/** A scope whose jobs, metrics and concurrency slots are the test's. */
export function testScope({
  metrics = mockMetrics(),
  enter = () => () => undefined,
  ...given
}: TestScope): RequestScope {
  const caller: Caller = {
    requestId: 'r',
    admission: { keyId: 'key-1', enter },
    signal: given.signal ?? new AbortController().signal,
    parent: undefined,
    receivedAtMs: performance.now(),
  };
  const { jobs = { submit: () => Promise.reject(new Error('no jobs')) }, tracing = Tracing.off() } = given;
  const log = Log.create('gateway', given.log ? 'info' : 'silent', { write: given.log ?? (() => undefined) });
  const usage = given.usage ?? { record: (_record: UsageRecord, stored: () => void) => stored() };
  const services = { jobs, tracing, metrics: metrics as unknown as GatewayMetrics, log, usage };
  return new RequestScope(services, caller, given.work ?? { kind: 'tts', name: 'tts context', model: 'm' });
}
