import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { binary } from '../../support/binaries';

const execute = promisify(execFile);
const outputAtMost = 64 * 1024 * 1024;

/** The repository. */
export const root = join(__dirname, '../../../..');

/** Which release is rendered, and what of a cluster's own values replaces those of the values file. */
export interface ChartSettings {
  readonly namespace: string;
  /** Values files of the chart, `production` for `values-production.yaml`, each laid over the one before. */
  readonly values: readonly string[];
  readonly overlay: object;
}

/** Renders the chart `antiphon` with its subchart, as `helm install` would; resolves to the file. */
export async function renderCharts({ namespace, values, overlay }: ChartSettings, folder: string): Promise<string> {
  const overlayFile = join(folder, `${namespace}-overlay.json`);
  writeFileSync(overlayFile, JSON.stringify(overlay, null, 2));
  const chart = join(root, 'knative');
  const named = values.map((name) => join(chart, `values-${name}.yaml`));
  const files = [...named, overlayFile].flatMap((file) => ['--values', file]);
  const args = ['template', 'antiphon', chart, '--namespace', namespace, ...files];
  const { stdout } = await execute(binary('helm'), args, { maxBuffer: outputAtMost });
  const manifest = join(folder, `${namespace}.yaml`);
  writeFileSync(manifest, stdout);
  return manifest;
}
