import type { FetchProgress } from '@app/artifacts';

/** A place to draw on: a terminal, or anything that takes lines. */
export interface Screen {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

const barWidth = 24;

/** Draws downloads: one moving line each on a terminal, a line at the start and one at the end elsewhere. */
export function drawProgress(screen: Screen): (progress: FetchProgress) => void {
  let last = '';
  return (progress) => {
    if (screen.isTTY) {
      screen.write(`\r${bar(progress)}\x1b[K${progress.step === 'done' ? '\n' : ''}`);
      return;
    }
    const now = `${progress.id} ${progress.step}`;
    if (now !== last && progress.step !== 'unpack') screen.write(`${plainLine(progress)}\n`);
    last = now;
  };
}

function bar({ id, step, bytes, totalBytes, bytesPerSecond }: FetchProgress): string {
  const filled = Math.round((barWidth * bytes) / totalBytes);
  const drawn = '#'.repeat(filled).padEnd(barWidth, '.');
  const state = { download: `${megabytes(bytesPerSecond)}/s`, unpack: 'unpacking', done: 'verified' }[step];
  return `${id.padEnd(18)} [${drawn}] ${amount(bytes).padStart(5)} / ${megabytes(totalBytes)}  ${state}`;
}

const plainLine = ({ id, step, totalBytes, bytesPerSecond }: FetchProgress): string =>
  step === 'done'
    ? `${id}: ${megabytes(totalBytes)} downloaded at ${megabytes(bytesPerSecond)}/s, verified`
    : `${id}: downloading ${megabytes(totalBytes)}`;

const amount = (bytes: number): string => (bytes / 1e6).toFixed(1);

/** Bytes as people read them: `58.4 MB`. */
export const megabytes = (bytes: number): string => `${amount(bytes)} MB`;
