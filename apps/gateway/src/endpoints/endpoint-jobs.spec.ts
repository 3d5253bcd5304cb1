import { EventEmitter } from 'node:events';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { JobClient, MemoryBroker, MemoryBus } from '@app/broker';
import { Log, Tracing, type ErrorMetrics } from '@app/platform';
import { builtinModel, ProblemError } from '@app/protocol';
import { mockMetrics } from '../../test/support/test-scope';
import type { Catalogue } from '../catalogue/catalogue';
import type { GatewayMetrics } from '../metrics/gateway-metrics';
import { RequestScopes } from '../scope/request-scopes';
import { EndpointJobs } from './endpoint-jobs';

/** A connection that the test closes. */
class FakeConnection extends EventEmitter {
  destroyed = false;
  readonly complete = true;
  readonly socket = this;

  leave(): void {
    this.destroyed = true;
    this.emit('close');
  }
}

describe('the job of an endpoint', () => {
  // Any kind will do: its worker is never asked.
  const kind = 'tts';
  const lane = { kind, model: builtinModel } as const;
  let broker: MemoryBroker;
  let jobs: JobClient;
  let metrics: ReturnType<typeof mockMetrics>;
  let endpoint: EndpointJobs;
  let connection: FakeConnection;
  let active: number;

  beforeEach(async () => {
    broker = new MemoryBroker(new MemoryBus());
    await broker.ensureLane(lane);
    jobs = new JobClient(broker, { gatewayId: 'gateway-1' });
    await jobs.start();
    metrics = mockMetrics();
    const log = Log.create('gateway', 'silent');
    const scopes = new RequestScopes(
      jobs,
      Tracing.off(),
      metrics as unknown as GatewayMetrics,
      log,
      {} as ErrorMetrics,
    );
    endpoint = new EndpointJobs(jobs, scopes, { laneOf: () => lane } as unknown as Catalogue);
    connection = new FakeConnection();
    active = 0;
  });
  afterEach(() => jobs.close());

  const run = (): Promise<object> => {
    const request = { id: 'r', headers: {}, raw: connection } as unknown as FastifyRequest;
    const reply = { raw: connection, elapsedTime: 1 } as unknown as FastifyReply;
    const enter = (): (() => void) => {
      active++;
      return () => void active--;
    };
    return endpoint.run({ request, reply, admission: { keyId: 'key-1', enter } }, { kind, fields: {} });
  };
  const codeOf = (running: Promise<object>): Promise<string> =>
    running.then(
      () => 'done',
      (error: unknown) => ProblemError.from(error).code,
    );

  it('is not published for a caller who left while the license app was asked, and holds no slot', async () => {
    connection.leave();
    expect(await codeOf(run())).toBe('cancelled');
    expect(await broker.load(lane)).toEqual({ waiting: 0, running: 0 });
    expect(active).toBe(0);
    expect([metrics.opened.mock.calls, metrics.ended.mock.calls]).toEqual([[[kind]], [[kind, 'cancelled']]]);
  });

  it('is cancelled when its caller leaves, which frees the slot', async () => {
    const code = codeOf(run());
    expect(active).toBe(1);
    connection.leave();
    expect(active).toBe(0);
    expect(await code).toBe('cancelled');
    expect(metrics.ended.mock.calls).toEqual([[kind, 'cancelled']]);
  });

  it('counts as an error when it ends with a problem, which the caller is given', async () => {
    jest.spyOn(jobs, 'submit').mockRejectedValue(new ProblemError('bus_unavailable'));
    expect(await codeOf(run())).toBe('bus_unavailable');
    expect(active).toBe(0);
    expect(metrics.ended.mock.calls).toEqual([[kind, 'error']]);
  });
});
