import { Module } from '@nestjs/common';
import { JobTaker, RequestLanes, type Broker, type JobLanes, type LaneRunner } from '@app/broker';
import { listen, Log, PlatformModule, Readiness, Tracing } from '@app/platform';
import { createServeApp } from '../../apps/inference/src/serve/serve-app';
import { Front } from './front';

/** A way from a gateway's client to workers, for tests that hold for all of them. */
export interface DispatchUnderTest {
  /** Whether workers pull. */
  readonly pulls: boolean;
  lanes(gateway: Broker): JobLanes;
  /** Lets jobs reach the worker. */
  open(runner: LaneRunner): Promise<{ vanish(): Promise<void> }>;
  breakConnections?(): void;
  close(): Promise<void>;
}

/** Through the lanes on the bus. */
export function queueDispatch(): Promise<DispatchUnderTest> {
  return Promise.resolve({
    pulls: true,
    lanes: (gateway) => gateway,
    open: () => Promise.resolve({ vanish: () => Promise.resolve() }),
    close: () => Promise.resolve(),
  });
}

@Module({})
class TakerModule {}

/** A worker behind `POST /jobs`, as `inference serve` has it. */
async function openServe(runner: LaneRunner) {
  const platform = { log: Log.create('serve', 'silent'), readiness: new Readiness(), tracing: Tracing.off() };
  const worker = {
    module: TakerModule,
    imports: [PlatformModule.register(platform)],
    providers: [{ provide: JobTaker, useValue: runner }],
    exports: [JobTaker],
  };
  const app = await createServeApp(worker, platform);
  const port = await listen(app, { host: '127.0.0.1', port: 0 });
  return { app, url: `http://127.0.0.1:${port}` };
}

/** By requests, through a proxy as Knative has one, to workers that each have a port. */
export async function requestDispatch(): Promise<DispatchUnderTest> {
  const front = new Front();
  const url = await front.start();
  const made: RequestLanes[] = [];
  const closings: (() => Promise<void>)[] = [];
  return {
    pulls: false,
    lanes: () => {
      const lanes = new RequestLanes({ url });
      made.push(lanes);
      return lanes;
    },
    open: async (runner) => {
      const serve = await openServe(runner);
      front.add(serve.url);
      closings.push(() => serve.app.close());
      const vanish = (): Promise<void> => {
        front.remove(serve.url);
        serve.app.getHttpServer().closeAllConnections();
        return Promise.resolve();
      };
      return { vanish };
    },
    breakConnections: () => front.breakAll(),
    close: async () => {
      for (const lanes of made) lanes.close();
      await front.stop();
      for (const close of closings) await close();
    },
  };
}
