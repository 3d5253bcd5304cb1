import { Log } from '../log';
import { Readiness } from '../readiness';
import { Tracing } from '../tracing';
import { startManagementServer, type ManagementServer } from './management-server';

const log = Log.create('sample', 'silent');
const loopback = { host: '127.0.0.1', metricsPort: 0 };

let readiness: Readiness;
let server: ManagementServer;

beforeEach(async () => {
  readiness = new Readiness();
  server = await startManagementServer(loopback, { log, readiness, tracing: Tracing.off() });
});
afterEach(() => server.close());

const get = (path: string): Promise<Response> => fetch(`http://127.0.0.1:${server.port}${path}`);

it('says that it is alive, ready or not', async () => {
  readiness.add('models loaded', () => false);
  expect((await get('/healthz')).status).toBe(200);
});

it('says that it is ready, or names what is missing with a 503', async () => {
  let loaded = false;
  readiness.add('models loaded', () => loaded);
  const before = await get('/readyz');
  expect([before.status, await before.json()]).toEqual([503, { status: 'not ready', missing: ['models loaded'] }]);
  loaded = true;
  const after = await get('/readyz');
  expect([after.status, await after.json()]).toEqual([200, { status: 'ready' }]);
});

it('exports the metrics of the process in the text format', async () => {
  const response = await get('/metrics');
  expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
  expect(await response.text()).toMatch(/^process_cpu_seconds_total /m);
});

it('exports each check of the ready page as it is at that moment', async () => {
  let loaded = false;
  readiness.add('models loaded', () => loaded);
  const checks = async (): Promise<string[]> =>
    (await (await get('/metrics')).text()).split('\n').filter((line) => line.startsWith('antiphon_ready{'));
  expect(await checks()).toEqual(['antiphon_ready{check="not draining"} 1', 'antiphon_ready{check="models loaded"} 0']);
  loaded = true;
  readiness.drain();
  expect(await checks()).toEqual(['antiphon_ready{check="not draining"} 0', 'antiphon_ready{check="models loaded"} 1']);
});

it('names the port and the variable when the port is taken', async () => {
  const taken = { ...loopback, metricsPort: server.port };
  await expect(startManagementServer(taken, { log, readiness, tracing: Tracing.off() })).rejects.toMatchObject({
    code: 'port_taken',
    detail: `Port ${server.port} on 127.0.0.1 is taken. Set METRICS_PORT to another port, or stop the process that uses it.`,
  });
});
