import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { prometheusFolder } from '../../tools/observe/prometheus-program';

const own = join(prometheusFolder(join(__dirname, '../..')), 'usr/bin/promtool');

/** The promtool that came with the Prometheus which `npm run test:observability` finds or fetches; undefined without one. */
export function presentPromtool(): string | undefined {
  if (spawnSync('promtool', ['--version']).status === 0) return 'promtool';
  return existsSync(own) ? own : undefined;
}

/** A `describe` that needs Prometheus: without one it is skipped, and its name says how to get it. */
export function describeWithPrometheus(name: string, body: () => void): void {
  if (presentPromtool() !== undefined) describe(name, body);
  else describe.skip(`${name} (skipped: no Prometheus; as root: apt-get install prometheus)`, body);
}
