import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { binary } from './binaries';

const execute = promisify(execFile);
const outputAtMost = 64 * 1024 * 1024;

/** The repository. */
export const root = join(__dirname, '../../../..');

/** Which release is rendered, and what of a cluster's own values replaces those of the values file. */
export interface ChartSettings {
  readonly namespace: string;
  /** A values file of the chart, `production` for `values-production.yaml`. */
  readonly values: string;
  readonly overlay: object;
}

/** Renders the chart `antiphon` with its subchart, as `helm install` would; resolves to the file. */
export async function renderCharts({ namespace, values, overlay }: ChartSettings, folder: string): Promise<string> {
  const overlayFile = join(folder, `values-${values}-overlay.json`);
  writeFileSync(overlayFile, JSON.stringify(overlay, null, 2));
  const chart = join(root, 'knative');
  const files = [join(chart, `values-${values}.yaml`), overlayFile].flatMap((file) => ['--values', file]);
  const args = ['template', 'antiphon', chart, '--namespace', namespace, ...files];
  const { stdout } = await execute(binary('helm'), args, { maxBuffer: outputAtMost });
  const manifest = join(folder, `antiphon-${values}.yaml`);
  writeFileSync(manifest, stdout);
  return manifest;
}
