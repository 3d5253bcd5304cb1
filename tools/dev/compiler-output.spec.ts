import { readCompilerOutput } from './compiler-output';

const start = '[1:38:10 PM] Starting compilation in watch mode...';
const change = '[1:38:20 PM] File change detected. Starting incremental compilation...';
const good = '[1:38:22 PM] Found 0 errors. Watching for file changes.';
const bad = '[1:38:22 PM] Found 1 error. Watching for file changes.';
const error = 'apps/gateway/src/main.ts:3:1 - error TS2304: Cannot find name "x".';

function heard(...lines: string[]): string[] {
  const events: string[] = [];
  const read = readCompilerOutput({ onChanged: () => events.push('changed'), onError: (line) => events.push(line) });
  lines.forEach(read);
  return events;
}

describe('readCompilerOutput', () => {
  it('takes the compilation at the start for no change', () => {
    expect(heard(start, '', good)).toEqual([]);
  });

  it('tells of every change that compiles', () => {
    expect(heard(start, good, change, good, change, good)).toEqual(['changed', 'changed']);
  });

  it('passes on errors, and tells of a change only once they are mended', () => {
    expect(heard(start, good, change, error, bad)).toEqual([error]);
    expect(heard(start, good, change, error, bad, change, good)).toEqual([error, 'changed']);
  });
});
