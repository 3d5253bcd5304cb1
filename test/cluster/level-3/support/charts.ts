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

/** What values-production.yaml leaves to the operator. */
const filledIn = {
  license: { endpoint: 'https://license.vendor.example' },
  networkPolicy: { licenseEndpoint: { cidrs: ['203.0.113.0/28'] } },
};

/** Renders the chart `antiphon` with its subchart, as `helm install` would; resolves to the file. */
export async function renderCharts({ namespace, values, overlay }: ChartSettings, folder: string): Promise<string> {
  const overlayOf = (name: string, content: object): string => {
    const file = join(folder, `${namespace}-${name}.json`);
    writeFileSync(file, JSON.stringify(content, null, 2));
    return file;
  };
  const own = values.at(-1) === 'production' ? [overlayOf('filled-in', filledIn)] : [];
  const chart = join(root, 'knative');
  const named = values.map((name) => join(chart, `values-${name}.yaml`));
  const files = [...named, ...own, overlayOf('overlay', overlay)].flatMap((file) => ['--values', file]);
  const args = ['template', 'antiphon', chart, '--namespace', namespace, ...files];
  const { stdout } = await execute(binary('helm'), args, { maxBuffer: outputAtMost });
  const manifest = join(folder, `${namespace}.yaml`);
  writeFileSync(manifest, stdout);
  return manifest;
}
