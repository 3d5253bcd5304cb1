import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PortBook } from '../stack/ports';
import { planObserver } from './prometheus-part';

const pages = {
  gateway: 'http://127.0.0.1:8081/metrics',
  license: 'http://127.0.0.1:8080/metrics',
  'tts-1': 'http://127.0.0.1:8082/metrics',
  'stt-1': 'http://127.0.0.1:8083/metrics',
};
const program = { prometheus: '/opt/prometheus', promtool: '/opt/promtool', version: '2.42.0' };

let dataFolder: string;
let ports: PortBook;
beforeEach(() => {
  dataFolder = mkdtempSync(join(tmpdir(), 'antiphon-observer-'));
  ports = new PortBook(join(dataFolder, 'ports'));
});
afterEach(() => {
  ports.release();
  rmSync(dataFolder, { recursive: true });
});

interface Written {
  readonly global: Record<string, string>;
  readonly rule_files: string[];
  readonly scrape_configs: {
    job_name: string;
    static_configs: { targets: string[]; labels: Record<string, string> }[];
  }[];
}

it('scrapes every part each 5 s, under the job names and labels of the cluster', async () => {
  await planObserver({ root: '/checkout', dataFolder, program, pages }, ports);
  const config = JSON.parse(readFileSync(join(dataFolder, 'prometheus.json'), 'utf8')) as Written;
  expect(config.global).toMatchObject({ scrape_interval: '5s', evaluation_interval: '5s' });
  expect(config.rule_files).toEqual(['/checkout/knative/observability/rules/*.yaml']);
  const scraped = config.scrape_configs.flatMap(({ job_name, static_configs }) =>
    static_configs.map(({ targets, labels }) => [job_name, ...targets, labels['namespace'], labels['pod']].join(' ')),
  );
  expect(scraped).toEqual([
    'gateway 127.0.0.1:8081 local gateway',
    'license 127.0.0.1:8080 local license',
    'worker 127.0.0.1:8082 local tts-1',
    'worker 127.0.0.1:8083 local stt-1',
  ]);
});

it('listens on the loopback alone, and keeps its data in the data folder', async () => {
  const { part, url } = await planObserver({ root: '/checkout', dataFolder, program, pages }, ports);
  expect(part).toMatchObject({ name: 'prometheus', command: '/opt/prometheus', readyUrl: `${url}/-/ready` });
  expect(part.args).toContain(`--web.listen-address=${new URL(url).host}`);
  expect(new URL(url).hostname).toBe('127.0.0.1');
  expect(part.args).toContain(`--storage.tsdb.path=${join(dataFolder, 'prometheus-data')}`);
});

it('names the pages of an own copy, and no others', async () => {
  const settings = { root: '/checkout', dataFolder, program, pages };
  const without = await planObserver(settings, ports);
  expect(without.part.args.join()).not.toContain('local-assets');
  const copy = await planObserver({ ...settings, program: { ...program, assetsFolder: '/copy/web/' } }, ports);
  expect(copy.part.args).toContain('--web.local-assets=/copy/web/');
});
