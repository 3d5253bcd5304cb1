import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(__dirname, '../..');
/** Where a test, or what it runs in, may stand. */
const folders = ['apps', 'libs', 'test', 'tools', 'schematics'];

/** Waits for a time and not for an event, waits without a bound, and private copies of `until` of test/support. */
const waits = [
  /from 'node:timers\/promises'/,
  /(?<![\w.])setTimeout\(/,
  /\bwhile \(.*\) await\b/,
  /\bfor \(;;\)/,
  /\bconst until = (async )?\(/,
  /\bfunction until\(/,
];

/** Files that may do so, and why. */
const allowed: Readonly<Record<string, string>> = {
  'test/rules/waits.spec.ts': 'it says what a wait for a time looks like',
  'apps/gateway/test/bodies.spec.ts': 'it shows that a body may pause for longer than its limit while others are asked',
  'libs/broker/src/worker/lossy-network.spec.ts': 'its network delays messages, on a fake clock',
  'libs/media/src/decoder-thread.spec.ts': 'its threads compute without end, and are ended',
  'test/support/until.ts': 'it is how the others wait',
  'test/support/speech-load.ts': 'its client connects again after a while, as clients do',
  'test/support/front.ts': 'it looks for a free copy, as the proxy does that it stands for',
  'test/cluster/support/daemon.ts': 'it asks a process for readiness, to a bound, and stops when the process has ended',
  'test/cluster/level-1/chart-nats.ts':
    'it asks a process for readiness, to a bound, and stops when the process has ended',
  'test/cluster/level-2/drain-suite.ts': 'it shows that an app which was told to stop serves on for a while',
  'test/cluster/level-2/inference-suite.ts': 'it shows that jobs without a seat are not begun',
  'test/cluster/level-2/support/knative-pod.ts': 'it kills a process after a while, as a kubelet does',
  'test/cluster/level-2/support/long-sessions.ts': 'its client speaks every few seconds for five minutes',
  'test/cluster/level-2/support/stt-sessions.ts': 'its client uploads at the pace of a slow line',
  'test/cluster/level-3/scaling.spec.ts': 'its client speaks at the pace of speech',
  'test/cluster/level-3/support/scale-watch.ts': 'it waits for the next change, to a bound',
  'test/cluster/level-3/support/pod-process.ts': 'it probes at the pace of a kubelet',
  'test/cluster/level-3/support/pod-runner.ts': 'it starts a process again after a while, as a kubelet does',
};

const isTest = (file: string): boolean =>
  file.endsWith('.spec.ts') || /^(test|apps\/[^/]+\/test|libs\/[^/]+\/src\/testing)\/.*\.ts$/.test(file);
const waiting = folders
  .flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((file) => join(folder, file)),
  )
  .filter(isTest)
  .filter((file) => {
    const text = readFileSync(join(root, file), 'utf8');
    return waits.some((wait) => wait.test(text));
  });

describe('tests', () => {
  it('wait for events, and not for a time, and to a bound', () => {
    expect(waiting.filter((file) => !(file in allowed))).toEqual([]);
  });

  it('are excused only where they wait for a time', () => {
    expect(Object.keys(allowed).filter((file) => !waiting.includes(file))).toEqual([]);
  });

  it.each([
    "import { setTimeout as delay } from 'node:timers/promises';",
    'await new Promise((resolve) => setTimeout(resolve, 500));',
    'const sleep = (ms: number) => new Promise<void>((done) => setTimeout(done, ms));',
    "await Promise.race([answer, new Promise((resolve) => setTimeout(() => resolve('nothing'), 100))]);",
    'while (gateway.worker.running > 0) await new Promise(setImmediate);',
    'for (;;) if (await holds()) return;',
    'const until = async (holds: () => boolean): Promise<void> => {',
  ])('would be found with %s', (line) => {
    expect(waits.some((wait) => wait.test(line))).toBe(true);
  });

  it('may have more time than others', () => {
    expect(waits.some((wait) => wait.test('jest.setTimeout(120_000);'))).toBe(false);
  });
});
