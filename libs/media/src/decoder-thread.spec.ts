import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DecoderThread } from './decoder-thread';
import { threadEntry } from './thread-entry';

const damaged = 'The audio could not be decoded. It is probably damaged';
const adtsFrame = Buffer.concat([Buffer.from('fff15080021ffc', 'hex'), Buffer.alloc(600)]);

describe('DecoderThread', () => {
  const folder = mkdtempSync(join(tmpdir(), 'decoder-thread-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  afterEach(() => {
    jest.useRealTimers();
    jest.restoreAllMocks();
  });

  /** A thread that runs this code. `over` resolves when it is gone. */
  function threadOf(code: string): { readonly thread: DecoderThread; readonly over: Promise<void> } {
    const file = join(folder, 'thread.cjs');
    writeFileSync(file, code);
    jest.replaceProperty(threadEntry, 'file', file);
    return opened();
  }
  function opened(): { readonly thread: DecoderThread; readonly over: Promise<void> } {
    const task = { container: 'adts', maxSeconds: 60, maxHeldBytes: 1_000 } as const;
    let thread!: DecoderThread;
    const over = new Promise<void>((resolve) => {
      thread = new DecoderThread(task, () => undefined, resolve);
    });
    return { thread, over };
  }

  it('ends a thread that computes without end', async () => {
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask'] });
    const { thread, over } = threadOf('for (;;);');
    const ending = thread.write(new Uint8Array(10)).then(() => thread.end());
    const refusal = expect(ending).rejects.toThrow('The audio could not be decoded in time. It is probably damaged');
    await jest.advanceTimersByTimeAsync(9_900);
    expect(jest.getTimerCount()).toBe(1);
    await jest.advanceTimersByTimeAsync(200);
    await refusal;
    await over;
  });

  it('sets no limit to a thread that waits for bytes', async () => {
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask'] });
    const { thread, over } = threadOf('setInterval(() => undefined, 1000);');
    expect(jest.getTimerCount()).toBe(0);
    thread.close();
    await over;
  });

  it.each([
    ['crashes', 'throw new Error("of /srv/secret")'],
    ['exits', 'process.exit(1)'],
    ['uses up its memory', 'const all = []; for (;;) all.push(new Array(100_000).fill(0.5))'],
  ])('refuses the recording of a thread that %s, and names nothing of this server', async (_, code) => {
    const { thread, over } = threadOf(code);
    await expect(thread.write(new Uint8Array(300_000)).then(() => thread.end())).rejects.toThrow(damaged);
    await over;
    await expect(thread.write(new Uint8Array(1))).rejects.toThrow(damaged);
  });

  it('is not slowed by what its thread writes on the console', async () => {
    const code = `
      const { parentPort } = require('node:worker_threads');
      const line = 'x'.repeat(10_000);
      let lines = 0;
      const next = () => (lines++ < 2_000 ? process.stdout.write(line, next) : parentPort.postMessage({ type: 'done' }));
      next();`;
    const { thread, over } = threadOf(code);
    await thread.end();
    await over;
  });

  it('refuses AAC alone where its decoder is not installed', async () => {
    const resolve = `export const resolve = (name, context, next) => {
      if (name === '@audio/decode-aac') throw new Error('not installed');
      return next(name, context);
    };`;
    const urlOf = (code: string): string => `data:text/javascript,${encodeURIComponent(code)}`;
    const file = join(folder, 'without-aac.cjs');
    writeFileSync(file, `require('node:module').register(${JSON.stringify(urlOf(resolve))});`);
    jest.replaceProperty(threadEntry, 'execArgv', [...threadEntry.execArgv, '--require', file]);
    const { thread, over } = opened();
    await expect(thread.write(adtsFrame).then(() => thread.end())).rejects.toThrow(
      'This server has no decoder for AAC',
    );
    await over;
  });
});
