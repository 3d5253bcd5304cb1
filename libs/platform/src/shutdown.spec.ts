import { EventEmitter, once } from 'node:events';
import { Log } from './log';
import { Shutdown, type ProcessSignals } from './shutdown';

/** A process that only notes with which code it was asked to exit. */
class FakeProcess extends EventEmitter implements ProcessSignals {
  readonly exits: number[] = [];

  exit(code: number): void {
    this.exits.push(code);
    this.emit('exited');
  }
}

const silent = Log.create('sample', 'silent');

function make(): { shutdown: Shutdown; process: FakeProcess } {
  const process = new FakeProcess();
  const shutdown = new Shutdown(silent, process);
  shutdown.listen();
  return { shutdown, process };
}

it.each(['SIGTERM', 'SIGINT'])('runs its steps one after the other at %s, then exits with 0', async (signal) => {
  const { shutdown, process } = make();
  const done: string[] = [];
  shutdown.add('http', 1_000, async () => {
    await Promise.resolve();
    done.push('http');
  });
  shutdown.add('bus', 1_000, () => void done.push('bus'));
  process.emit(signal);
  await once(process, 'exited');
  expect(done).toEqual(['http', 'bus']);
  expect(process.exits).toEqual([0]);
});

it('goes on after a step that fails and exits with 1', async () => {
  const { shutdown, process } = make();
  let reached = false;
  shutdown.add('broken', 1_000, () => {
    throw new Error('no');
  });
  shutdown.add('next', 1_000, () => void (reached = true));
  await shutdown.begin('test');
  expect(reached).toBe(true);
  expect(process.exits).toEqual([1]);
});

it('does not wait for a step longer than its time', async () => {
  const { shutdown, process } = make();
  shutdown.add('stuck', 10, () => new Promise(() => undefined));
  await shutdown.begin('test');
  expect(process.exits).toEqual([1]);
});

it('exits at once at a second signal', async () => {
  const { shutdown, process } = make();
  const stuck = once(process, 'stuck');
  shutdown.add('stuck', 60_000, () => {
    process.emit('stuck');
    return new Promise((resolve) => void process.once('release', resolve));
  });
  process.emit('SIGTERM');
  await stuck;
  expect(process.exits).toEqual([]);
  process.emit('SIGINT');
  expect(process.exits).toEqual([1]);
  process.emit('release');
});

it('runs only once', async () => {
  const { shutdown, process } = make();
  let times = 0;
  shutdown.add('count', 1_000, () => void times++);
  await Promise.all([shutdown.begin('one'), shutdown.begin('two')]);
  expect(times).toBe(1);
  expect(process.exits).toEqual([0]);
});
