import { createServer, type AddressInfo } from 'node:net';
import { ProblemError } from '@app/protocol';
import { errorLine } from './error-line';

const rejection = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  );

/** A port that nothing listens on: it was free a moment ago. */
async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describe('errorLine', () => {
  it('says why a fetch failed', async () => {
    const port = await closedPort();
    expect(errorLine(await rejection(fetch(`http://127.0.0.1:${port}`)))).toBe(
      `fetch failed (connect ECONNREFUSED 127.0.0.1:${port})`,
    );
    expect(errorLine(await rejection(fetch('http://127.0.0.1:6000')))).toBe('fetch failed (bad port)');
  });

  it('says why each address of a name was not reached', () => {
    const tried = [new Error('connect ECONNREFUSED ::1:1'), new Error('connect ECONNREFUSED 127.0.0.1:1')];
    const error = new TypeError('fetch failed', { cause: new AggregateError(tried) });
    expect(errorLine(error)).toBe('fetch failed (connect ECONNREFUSED ::1:1, connect ECONNREFUSED 127.0.0.1:1)');
  });

  it('gives the detail of a problem and the whole chain of its causes', () => {
    const cause = new Error('cannot be read', { cause: new Error('EACCES: permission denied') });
    const error = new ProblemError('artifact_unavailable', { detail: 'models is shut. Open it.', cause });
    expect(errorLine(error)).toBe('models is shut. Open it. (cannot be read: EACCES: permission denied)');
  });

  it('gives no reason twice, and one line of each', () => {
    const cause = new Error('no such host\n    at somewhere');
    expect(errorLine(new Error('fetch failed: no such host', { cause }))).toBe('fetch failed: no such host');
    expect(errorLine(new Error('fetch failed', { cause }))).toBe('fetch failed (no such host)');
  });

  it('ends where causes lead in a circle', () => {
    const error = new Error('first');
    error.cause = new Error('second', { cause: error });
    expect(errorLine(error)).toBe('first (second)');
  });

  it('names the code of an error without a message, and takes what is no error', () => {
    expect(errorLine(Object.assign(new Error(''), { code: 'ETIMEDOUT' }))).toBe('ETIMEDOUT');
    expect(errorLine('a reason')).toBe('a reason');
    expect(errorLine(new Error('stopped', { cause: 'SIGTERM' }))).toBe('stopped (SIGTERM)');
  });

  it('says what to do when the disk is full', () => {
    const error = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
    expect(errorLine(error)).toBe(
      'The disk is full. Make room, then start again. (ENOSPC: no space left on device, write)',
    );
  });
});
