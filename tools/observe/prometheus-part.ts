import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PartSpec } from '../stack/part';
import type { PortBook } from '../stack/ports';
import type { PrometheusProgram } from './prometheus-program';

/** A Prometheus that watches one stack. */
export interface ObserverPlan {
  readonly part: PartSpec;
  /** Base URL of its pages and its API. */
  readonly url: string;
}

/** What it is started with. */
export interface ObserverSettings {
  readonly root: string;
  readonly dataFolder: string;
  readonly program: PrometheusProgram;
  /** Metrics pages by part of the stack. */
  readonly pages: Readonly<Record<string, string>>;
}

/** As the ServiceMonitors of the chart scrape. */
const interval = '5s';
/** The label that pods carry in a cluster, so that rules and dashboards read the same here. */
const localNamespace = 'local';

/** The rule files of a checkout, as Prometheus takes them. */
export const rulesPattern = (root: string): string => join(root, 'knative/observability/rules/*.yaml');

/** Chooses its port and writes its configuration; it keeps what it saw in the data folder. */
export async function planObserver(settings: ObserverSettings, ports: PortBook): Promise<ObserverPlan> {
  const { root, dataFolder, program, pages } = settings;
  const listen = `127.0.0.1:${await ports.take(9090)}`;
  const config = join(dataFolder, 'prometheus.json');
  writeFileSync(config, JSON.stringify(prometheusConfig(pages, rulesPattern(root)), null, 2) + '\n');
  const url = `http://${listen}`;
  const part: PartSpec = {
    name: 'prometheus',
    command: program.prometheus,
    args: [
      `--config.file=${config}`,
      `--storage.tsdb.path=${join(dataFolder, 'prometheus-data')}`,
      '--storage.tsdb.retention.time=7d',
      `--web.listen-address=${listen}`,
      ...(program.assetsFolder === undefined ? [] : [`--web.local-assets=${program.assetsFolder}`]),
    ],
    env: {},
    logFile: join(dataFolder, 'logs', 'prometheus.log'),
    readyUrl: `${url}/-/ready`,
  };
  return { part, url };
}

/** Its configuration, in JSON, which is YAML too. Jobs are named as in the cluster: `gateway`, `license`, `worker`. */
export function prometheusConfig(pages: Readonly<Record<string, string>>, rules: string): object {
  const targets = Object.entries(pages).map(([part, page]) => ({ part, job: jobOf(part), url: new URL(page) }));
  return {
    global: { scrape_interval: interval, scrape_timeout: interval, evaluation_interval: interval },
    rule_files: [rules],
    scrape_configs: [...new Set(targets.map(({ job }) => job))].map((job) => ({
      job_name: job,
      static_configs: targets
        .filter((target) => target.job === job)
        .map(({ part, url }) => ({ targets: [url.host], labels: { namespace: localNamespace, pod: part } })),
    })),
  };
}

const jobOf = (part: string): string => (part === 'gateway' || part === 'license' ? part : 'worker');
