import type { Deployment } from './deployment';
import { readStages, stageMeans, type StageMeans } from './stages';
import { benchSentence, openSpeaker, speakTogether, summarise, type Speaker, type TtsResult } from './tts-load';

/** Number of rounds that are not measured, so that no first request counts. */
const warmUpRounds = 2;

/** Measures text to speech at each number of contexts, with rounds of ours and the peer in turns. */
export async function benchTts(
  deployment: Deployment,
  contextCounts: readonly number[],
  rounds: number,
  peer: Speaker | undefined,
): Promise<{ results: TtsResult[]; stages: StageMeans | undefined }> {
  const results: TtsResult[] = [];
  let stages: StageMeans | undefined;
  for (const contexts of contextCounts) {
    const ours = await openSpeaker(deployment.target, contexts);
    const metrics = deployment.inside?.gatewayMetrics;
    for (let round = 0; round < warmUpRounds; round += 1) await speakTogether(ours, contexts, benchSentence);
    const before = metrics && (await readStages(metrics));
    results.push(...(await alternate(peer ? [ours, peer] : [ours], contexts, rounds)));
    if (before && contexts === 1) stages = stageMeans(before, await readStages(metrics ?? ''));
    ours.close();
  }
  return { results, stages };
}

async function alternate(speakers: readonly Speaker[], contexts: number, rounds: number): Promise<TtsResult[]> {
  const rows = speakers.map((speaker) => ({ speaker, rounds: [] as Awaited<ReturnType<typeof speakTogether>>[] }));
  for (let round = 0; round < rounds; round += 1) {
    for (const row of rows) row.rounds.push(await speakTogether(row.speaker, contexts, benchSentence));
  }
  return rows.map((row) => summarise(row.speaker.name, contexts, row.rounds));
}
