import { isAlive } from '@app/artifacts';
import { errorLine } from './error-line';
import { summaryOf } from './observe/prometheus-api';
import { checkInLine, checkInSince, type LicenseEndpointAddress } from './stack/license-endpoint';
import { dataFolderFrom } from './stack/options';
import { readRunFile } from './stack/run-file';

const help = `npm run status -- [OPTIONS]

Shows what runs, where, and whether it is ready. The exit code is 0 if everything is ready, else 1.

  --data DIR    data folder of the stack (default: .antiphon in the repository)
  --help        print this text`;

/** `npm run status`. */
export async function main(args: readonly string[], root: string): Promise<number> {
  try {
    return await status(args, root);
  } catch (error) {
    console.error(`antiphon: ${errorLine(error)}`);
    return 1;
  }
}

async function status(args: readonly string[], root: string): Promise<number> {
  const dataFolder = dataFolderFrom(args, root);
  if (dataFolder === undefined) {
    console.log(help);
    return 0;
  }
  const run = readRunFile(dataFolder);
  if (!run) {
    console.log(`antiphon: nothing runs on ${dataFolder}`);
    return 1;
  }
  const states = await Promise.all(
    Object.entries(run.pids).map(async ([part, pid]) => ({
      part,
      pid,
      state: isAlive(pid) ? await readiness(run.metrics[part]) : 'not running',
    })),
  );
  for (const { part, pid, state } of states) console.log(`  ${part.padEnd(16)} ${String(pid).padEnd(8)} ${state}`);
  console.log(`  API              ${run.api}`);
  if (run.licenseEndpoint) console.log(`  check-in         ${await newestCheckIn(run.licenseEndpoint)}`);
  if (run.prometheus !== undefined)
    console.log(`  Prometheus       ${run.prometheus}  (${await summaryOf(run.prometheus)})`);
  if (!run.ready) console.log('  not ready yet');
  return run.ready && states.every(({ state }) => state === 'ready' || state === 'running') ? 0 : 1;
}

async function newestCheckIn(endpoint: LicenseEndpointAddress): Promise<string> {
  const checkIn = await checkInSince(endpoint, -Infinity, 0);
  return checkIn ? checkInLine(checkIn) : 'none yet';
}

/** Parts with a metrics page have a ready page beside it. */
async function readiness(metricsUrl: string | undefined): Promise<string> {
  if (metricsUrl === undefined) return 'running';
  try {
    const response = await fetch(new URL('/readyz', metricsUrl), { signal: AbortSignal.timeout(2_000) });
    return response.ok ? 'ready' : `not ready: ${await response.text()}`;
  } catch (error) {
    return `not answering: ${errorLine(error)}`;
  }
}
