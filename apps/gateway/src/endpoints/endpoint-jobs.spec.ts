import { EventEmitter } from 'node:events';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { JobClient, LaneRunner, MemoryBroker, MemoryBus, type JobContext } from '@app/broker';
import { Log, Tracing } from '@app/platform';
import { builtinModel, laneClasses, laneName, ProblemError, type ResultOutput } from '@app/protocol';
import { mockMetrics } from '../../test/support/test-scope';
import type { Catalogue } from '../catalogue/catalogue';
import type { GatewayMetrics } from '../metrics/gateway-metrics';
import { RequestScopes } from '../scope/request-scopes';
import type { UsageRecorder } from '../usage/usage-recorder';
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
  const kind = 'speech-activity';
  const fields = { threshold: 0.5, minSilenceMs: 500, minSpeechMs: 100 };
  const lane = { kind, model: builtinModel } as const;
  let broker: MemoryBroker;
  let jobs: JobClient;
  let metrics: ReturnType<typeof mockMetrics>;
  let endpoint: EndpointJobs;
  let connection: FakeConnection;
  let active: number;
  let tracing: Tracing;
  let worker: LaneRunner | undefined;

  beforeEach(async () => {
    broker = new MemoryBroker(new MemoryBus());
    await broker.ensureLane(lane);
    jobs = new JobClient(broker, { gatewayId: 'gateway-1' });
    await jobs.start();
    metrics = mockMetrics();
    const log = Log.create('gateway', 'silent');
    tracing = Tracing.off();
    const usage = { record: (_: unknown, stored: () => void) => stored() } as unknown as UsageRecorder;
    const ofGateway = metrics as unknown as GatewayMetrics;
    const scopes = new RequestScopes(jobs, tracing, ofGateway, log, usage);
    endpoint = new EndpointJobs(scopes, { laneOf: () => lane } as unknown as Catalogue);
    connection = new FakeConnection();
    active = 0;
    worker = undefined;
  });
  afterEach(async () => {
    await worker?.stop(0);
    await jobs.close();
  });

  const run = (): Promise<object> => {
    const request = { id: 'r', headers: {}, raw: connection } as unknown as FastifyRequest;
    const reply = { raw: connection, elapsedTime: 1 } as unknown as FastifyReply;
    const enter = (): (() => void) => {
      active++;
      return () => void active--;
    };
    return endpoint.run({ request, reply, admission: { keyId: 'key-1', enter } }, { kind, fields });
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

  it('is measured and traced like every other work: its wait for a worker and its offer', async () => {
    const start = jest.spyOn(tracing, 'start');
    const end: ResultOutput = { type: 'end', result: { answer: 42 } };
    const handlers = {
      [kind]: (_job: object, context: JobContext) => Promise.resolve(context.emit(end)),
    };
    worker = new LaneRunner({ broker, workerId: 'worker-1', lanes: [{ lane, seats: 1 }], handlers });
    await worker.start();
    expect(await run()).toEqual({ answer: 42 });
    expect(metrics.waitedInQueue.mock.calls).toEqual([[laneName(lane), expect.any(Number)]]);
    const attributes = { 'antiphon.lane': laneName(lane), 'antiphon.job_class': laneClasses(lane)[0] };
    expect(start).toHaveBeenCalledWith('offer job', expect.objectContaining({ attributes }));
    expect(metrics.ended.mock.calls).toEqual([[kind, 'done']]);
  });

  it('counts as an error when it ends with a problem, which the caller is given', async () => {
    jest.spyOn(jobs, 'submit').mockRejectedValue(new ProblemError('bus_unavailable'));
    expect(await codeOf(run())).toBe('bus_unavailable');
    expect(active).toBe(0);
    expect(metrics.ended.mock.calls).toEqual([[kind, 'error']]);
  });
});
