import { parseArgs } from 'node:util';
import { rehearse, type Lease, type License, type RehearsedTransition } from '@app/licensing';
import { ProblemError } from '@app/protocol';
import { dateOf, dateText } from './dates';
import { licenseFileOptions, readLicenseFile } from './inspect';

/** `npm run license -- rehearse FILE --as-of DATE`: prints every transition up to a date and what clients get. */
export async function rehearseCommand(args: readonly string[], root: string, nowMs = Date.now()): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { ...licenseFileOptions, 'as-of': { type: 'string' }, 'last-lease-ends': { type: 'string' } },
  });
  const { payload: license } = await readLicenseFile(positionals, values, root, nowMs);
  const asOfMs = dateOf('--as-of', values['as-of']);
  if (asOfMs < nowMs) throw new ProblemError('bad_request', { detail: '--as-of must be in the future.' });
  const ends = values['last-lease-ends'];
  const lease = ends === undefined ? undefined : leaseUntil(license, dateOf('--last-lease-ends', ends), nowMs);
  const steps = rehearse({ mode: lease ? 'connected' : 'airgapped', licenses: [license], lease, nowMs }, asOfMs);
  const rows = steps.map(({ atMs, state, answer }) => [dateText(atMs), stateText(state), answerText(answer)]);
  const last = steps.at(-1);
  if (last) rows.push([dateText(asOfMs), stateText(last.state), answerText(last.answer)]);
  for (const row of rows) console.log(row.map((cell, at) => cell.padEnd([22, 24, 0][at] ?? 0)).join(''));
  return 0;
}

/** The vendor's last lease, as far as the states depend on it. */
function leaseUntil({ jti }: License, endMs: number, nowMs: number): Lease {
  const [iat, exp] = [Math.floor(nowMs / 1_000), Math.floor(endMs / 1_000)];
  return { jti: 'rehearsed', license: jti, iat: Math.min(iat, exp - 1), exp, checkInSeconds: 1 };
}

const stateText = (state: RehearsedTransition['state']): string =>
  'why' in state ? `${state.state}, ${state.why}` : state.state;

const answerText = (answer: RehearsedTransition['answer']): string =>
  'code' in answer ? `${answer.status} ${answer.code}: ${answer.message}` : 'new requests are admitted';
