import { Log } from './log';
import { NestLog } from './nest-log';

type Line = Record<string, unknown>;

function logTo(lines: Line[], level: 'debug' | 'info' = 'info'): Log {
  return Log.create('sample', level, { write: (line) => void lines.push(JSON.parse(line) as Line) });
}

it('writes one JSON line with time, level, app, message and fields', () => {
  const lines: Line[] = [];
  logTo(lines).info('request ended', { status: 200 });
  expect(lines).toEqual([
    {
      level: 'info',
      time: expect.stringMatching(/^\d{4}-.*Z$/) as string,
      app: 'sample',
      msg: 'request ended',
      status: 200,
    },
  ]);
});

it('repeats the fields of a child in each of its lines', () => {
  const lines: Line[] = [];
  const child = logTo(lines).child({ requestId: 'r1' });
  child.warn('slow');
  child.error('broken', { code: 'internal' });
  expect(lines).toMatchObject([
    { level: 'warn', requestId: 'r1' },
    { level: 'error', requestId: 'r1', code: 'internal' },
  ]);
});

it('keeps what is below its level to itself', () => {
  const lines: Line[] = [];
  logTo(lines).debug('detail');
  expect(lines).toEqual([]);
  logTo(lines, 'debug').debug('detail');
  expect(lines).toHaveLength(1);
});

it('writes an error with its cause', () => {
  const lines: Line[] = [];
  logTo(lines).error('failed', { err: new Error('outer', { cause: new Error('inner') }) });
  expect(lines[0]).toMatchObject({ err: { type: 'Error', message: 'outer', cause: { message: 'inner' } } });
});

describe('NestLog', () => {
  it('makes JSON of what the framework says, with its context', () => {
    const lines: Line[] = [];
    new NestLog(logTo(lines)).warn('something odd', 'RouterExplorer');
    expect(lines).toMatchObject([{ level: 'warn', msg: 'something odd', context: 'RouterExplorer' }]);
  });

  it('keeps an error that the framework passes as its message', () => {
    const lines: Line[] = [];
    new NestLog(logTo(lines)).error(new Error('why'), 'stack', 'ExceptionsHandler');
    expect(lines).toMatchObject([{ level: 'error', context: 'ExceptionsHandler', err: { message: 'why' } }]);
  });

  it('takes the tale of start-up for debugging', () => {
    const lines: Line[] = [];
    new NestLog(logTo(lines)).log('Mapped route', 'RouterExplorer');
    expect(lines).toEqual([]);
  });
});
