import { existsSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { productVersion } from '@app/protocol';
import { twoCitiesText } from '../test/support/two-cities';
import { sweepContext } from './bench/context-sweep';
import { deploymentAt, startDeployment, type Deployment } from './bench/deployment';
import { benchLicense } from './bench/license-bench';
import { benchHelp, parseBenchOptions, type BenchOptions } from './bench/options';
import { FasterWhisper, startPiper } from './bench/peer-processes';
import { PeerEnvironment } from './bench/python';
import {
  licenseTargets,
  sayLicense,
  sayStack,
  sayStt,
  saySweep,
  sayTargets,
  sayTts,
  targetsOf,
  type TargetRow,
} from './bench/report';
import { benchStt, readRecording, speakCorpus } from './bench/stt-bench';
import type { Recording } from './bench/stt-load';
import { benchTts } from './bench/tts-bench';
import { errorLine } from './error-line';
import { modelsFolder } from './models';
import { PortBook } from './stack/ports';

const peerScripts = 'tools/bench/peers';

/**
 * `npm run bench`, as described in `benchHelp`. Resolves to the exit code. A missed target is reported and is not a
 * failure.
 */
export async function main(args: readonly string[], root: string): Promise<number> {
  let environment: PeerEnvironment | undefined;
  let deployment: Deployment | undefined;
  try {
    const options = parseBenchOptions(args);
    if (options.help) {
      console.log(benchHelp);
      return 0;
    }
    if (options.license) {
      const license = await benchLicense(root);
      sayLicense(license);
      report(options, { license }, licenseTargets(license));
      return 0;
    }
    environment = options.peers ? await PeerEnvironment.create() : undefined;
    deployment = options.target ? deploymentAt(options.target) : await startDeployment(root);
    await bench(options, root, deployment, environment);
    return 0;
  } catch (error) {
    console.error(`antiphon: ${errorLine(error)}`);
    return 1;
  } finally {
    await deployment?.stop();
    environment?.remove();
  }
}

async function bench(
  options: BenchOptions,
  root: string,
  deployment: Deployment,
  environment: PeerEnvironment | undefined,
): Promise<void> {
  const tts = options.only === 'stt' ? undefined : await measureTts(options, deployment, environment);
  if (tts) sayTts(tts.results, tts.stages);
  const models = deployment.inside?.modelsFolder ?? modelsFolder(root);
  const recordings = options.only === 'tts' ? [] : await recordingsOf(root, models, environment);
  const stt = recordings.length > 0 ? await measureStt(root, models, recordings, deployment, environment) : undefined;
  if (stt) sayStt([...stt.upload, ...stt.live]);
  const memory = deployment.inside?.memory();
  if (deployment.inside && memory) sayStack(memory, deployment.inside.startMs);
  const sweep = options.sweep ? await sweepContext(models, recordings) : undefined;
  if (sweep) saySweep(sweep);
  const targets = targetsOf(tts?.results ?? [], stt, tts?.stages);
  report(options, { tts, stt, memory, startMs: deployment.inside?.startMs, sweep }, targets);
}

/** Says which goals were met, and writes all figures to the file. */
function report({ jsonFile }: BenchOptions, measured: object, targets: readonly TargetRow[]): void {
  if (targets.length > 0) sayTargets(targets);
  const figures = {
    version: productVersion,
    at: new Date().toISOString(),
    machine: { cpu: cpus()[0]?.model, cores: cpus().length, node: process.version },
    ...measured,
    targets,
  };
  writeFileSync(jsonFile, JSON.stringify(figures, null, 2) + '\n');
  console.log(`\nfigures: ${jsonFile}`);
}

async function measureTts(options: BenchOptions, deployment: Deployment, environment: PeerEnvironment | undefined) {
  const models = deployment.inside?.modelsFolder;
  const port = await new PortBook().take(17_000);
  const piper = environment && models ? await startPiper(environment, join(models, 'piper-joe'), port) : undefined;
  try {
    return await benchTts(deployment, options.contexts, options.rounds, piper);
  } finally {
    piper?.close();
  }
}

/** The recorded reading if it is installed, and with peers the spoken corpus. */
async function recordingsOf(
  root: string,
  models: string,
  environment: PeerEnvironment | undefined,
): Promise<Recording[]> {
  const file = join(models, 'speech-two-cities/two_cities.wav');
  const reading = existsSync(file) ? [readRecording(file, twoCitiesText)] : [];
  return environment
    ? [...reading, ...(await speakCorpus(environment, join(root, peerScripts, 'speak_corpus.py')))]
    : reading;
}

async function measureStt(
  root: string,
  models: string,
  recordings: readonly Recording[],
  deployment: Deployment,
  environment: PeerEnvironment | undefined,
) {
  if (!environment) return benchStt(deployment, recordings, undefined);
  const script = join(root, peerScripts, 'faster_whisper_peer.py');
  const recogniser = await FasterWhisper.start(environment, script, join(models, 'whisper-tiny-en'), cpus().length);
  try {
    return await benchStt(deployment, recordings, { recogniser, folder: environment.folder });
  } finally {
    recogniser.close();
  }
}
