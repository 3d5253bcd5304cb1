import { existsSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { ProblemError, productVersion } from '@app/protocol';
import { twoCitiesText } from '../test/support/two-cities';
import { deploymentAt, startDeployment, type Deployment } from './bench/deployment';
import { benchHelp, parseBenchOptions, type BenchOptions } from './bench/options';
import { FasterWhisper, startPiper } from './bench/peer-processes';
import { PeerEnvironment } from './bench/python';
import { sayStt, sayTargets, sayTts, table, targetsOf } from './bench/report';
import { benchStt, readRecording, recordingsFrom } from './bench/stt-bench';
import type { Recording } from './bench/stt-load';
import { benchTts } from './bench/tts-bench';
import { PortBook } from './stack/ports';

/** `npm run bench`: see `benchHelp`. Resolves to the exit code; a missed target is reported, not failed. */
export async function main(args: readonly string[], root: string): Promise<number> {
  let environment: PeerEnvironment | undefined;
  let deployment: Deployment | undefined;
  try {
    const options = parseBenchOptions(args);
    if (options.help) {
      console.log(benchHelp);
      return 0;
    }
    environment = options.peers ? await PeerEnvironment.create() : undefined;
    deployment = options.target ? deploymentAt(options.target) : await startDeployment(root);
    await bench(options, root, deployment, environment);
    return 0;
  } catch (error) {
    console.error(`antiphon: ${error instanceof ProblemError ? error.detail : (error as Error).message}`);
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
  const stt = options.only === 'tts' ? undefined : await measureStt(root, deployment, environment);
  if (stt) sayStt([...stt.upload, ...stt.live]);
  const memory = deployment.inside?.memory();
  if (deployment.inside && memory) {
    const parts = Object.entries(memory).map(([part, mb]) => [part, mb.toFixed(0)]);
    table(['MEMORY', 'MB'], parts);
    console.log(`\nstart to ready: ${(deployment.inside.startMs / 1_000).toFixed(1)} s`);
  }
  const targets = targetsOf(tts?.results ?? [], stt, tts?.stages);
  if (targets.length > 0) sayTargets(targets);
  const machine = { cpu: cpus()[0]?.model, cores: cpus().length, node: process.version };
  const figures = {
    version: productVersion,
    at: new Date().toISOString(),
    machine,
    tts,
    stt,
    memory,
    startMs: deployment.inside?.startMs,
    targets,
  };
  writeFileSync(options.jsonFile, JSON.stringify(figures, null, 2) + '\n');
  console.log(`\nfigures: ${options.jsonFile}`);
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

async function measureStt(root: string, deployment: Deployment, environment: PeerEnvironment | undefined) {
  const models = deployment.inside?.modelsFolder ?? join(root, '.antiphon/models');
  const file = join(models, 'speech-two-cities/two_cities.wav');
  const reading: Recording | undefined = existsSync(file) ? readRecording(file, twoCitiesText) : undefined;
  if (!environment) return reading ? benchStt(deployment, [reading], undefined) : undefined;
  const scripts = join(root, 'tools/bench/peers');
  const recordings = await recordingsFrom(environment, join(scripts, 'speak_corpus.py'), reading);
  const whisper = await FasterWhisper.start(
    environment,
    join(scripts, 'faster_whisper_peer.py'),
    join(models, 'whisper-tiny-en'),
    cpus().length,
  );
  try {
    return await benchStt(deployment, recordings, { recogniser: whisper, folder: environment.folder });
  } finally {
    whisper.close();
  }
}
