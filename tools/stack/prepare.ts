import { join } from 'node:path';
import { fetchArtifacts, loadManifest, natsServerId, planSync, resolveNatsServer } from '@app/artifacts';
import { ensureDevelopmentLicense } from '../license/development-license';
import { modelsFolder } from '../models';
import { findPrometheus, prometheusFolder } from '../observe/prometheus-program';
import { drawProgress } from '../progress';
import type { UpOptions } from './options';

/** Gets what a start needs: Prometheus if it is asked for, the default models, nats-server, a licence and a key. Says what it did where a person should know. */
export async function prepare(
  { offline, dataFolder, observe }: Pick<UpOptions, 'offline' | 'dataFolder' | 'observe'>,
  root: string,
) {
  const prometheus = observe ? await findPrometheus({ folder: prometheusFolder(root), offline }) : undefined;
  const folder = modelsFolder(root);
  const manifest = loadManifest();
  const wanted = manifest.artifacts.filter((artifact) => artifact.default).map(({ id }) => id);
  const models = wanted.filter((id) => id !== natsServerId);
  const options = { offline, onProgress: drawProgress(process.stdout) };
  await fetchArtifacts(await planSync(manifest, models, folder), options);
  const natsServer = await resolveNatsServer(folder, options);
  const license = await ensureDevelopmentLicense(join(dataFolder, 'license'));
  if (license.created) {
    console.log(`antiphon: issued a development licence for this machine: ${license.licenseFile}`);
  }
  return { modelsFolder: folder, natsServer: natsServer.command, license, prometheus };
}
