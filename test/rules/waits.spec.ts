import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(__dirname, '../..');
/** Where a test, or what it runs in, may stand. */
const folders = ['test', 'tools', 'schematics'];

/** Waits for a time and not for an event: see `until` in test/support. */
const sleeps = [/from 'node:timers\/promises'/, /new Promise(<\w+>)?\(\((\w+)\) => setTimeout\(\2\b/];

/** Files that may wait for a time, and why no event will do. */
const allowed: Readonly<Record<string, string>> = {
  'test/rules/waits.spec.ts': 'it says what a wait for a time looks like',
  'test/support/until.ts': 'it is how the others wait',
  'test/support/front.ts': 'it looks for a free copy, as the proxy does that it stands for',
  'test/support/nats-cluster.ts': 'it asks servers that have no leader yet, to a bound',
  'test/cluster/support/daemon.ts': 'it asks a process for readiness, to a bound, and stops when the process has ended',
  'test/cluster/level-1/chart-nats.ts':
    'it asks a process for readiness, to a bound, and stops when the process has ended',
  'test/cluster/level-1/images/contained-process.ts': 'it reads the output of a process, until the process has ended',
  'test/cluster/level-1/image-contents.spec.ts': 'it looks for a child process that another process starts',
  'test/cluster/level-2/drain-suite.ts': 'it shows that an app which was told to stop serves on for a while',
  'test/cluster/level-2/inference-suite.ts': 'it shows that jobs without a seat are not begun',
  'test/cluster/level-2/support/long-sessions.ts': 'its client speaks every few seconds for five minutes',
  'test/cluster/level-2/support/stt-sessions.ts': 'its client uploads at the pace of a slow line',
  'test/cluster/level-3/scaling.spec.ts': 'its client speaks at the pace of speech',
  'test/cluster/level-3/support/pod-process.ts': 'it probes at the pace of a kubelet',
  'test/cluster/level-3/support/pod-runner.ts': 'it starts a process again after a while, as a kubelet does',
  'test/e2e/license.spec.ts': 'it asks a process that starts or stops',
};

const isTest = (file: string): boolean =>
  file.endsWith('.spec.ts') || (file.startsWith('test/') && file.endsWith('.ts'));
const sleeping = folders
  .flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((file) => join(folder, file)),
  )
  .filter(isTest)
  .filter((file) => {
    const text = readFileSync(join(root, file), 'utf8');
    return sleeps.some((sleep) => sleep.test(text));
  });

describe('tests', () => {
  it('wait for events, and not for a time', () => {
    expect(sleeping.filter((file) => !(file in allowed))).toEqual([]);
  });

  it.each([
    "import { setTimeout as delay } from 'node:timers/promises';",
    'await new Promise((resolve) => setTimeout(resolve, 500));',
    'const sleep = (ms: number) => new Promise<void>((done) => setTimeout(done, ms));',
  ])('would be found with %s', (line) => {
    expect(sleeps.some((sleep) => sleep.test(line))).toBe(true);
  });
});
