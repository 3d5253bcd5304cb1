import { Body, Controller, Get, HttpException, Module, Post, Res } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { ProblemError } from '@app/protocol';
import { createHttpApp } from './http-app';
import { Log } from './log';
import { ManagementModule } from './management';
import { PlatformModule } from './platform.module';
import { Readiness } from './readiness';
import { Tracing } from './tracing';

@Controller()
class ThrowingController {
  @Get('busy')
  busy(): never {
    throw new ProblemError('concurrency_limited', { retryAfterSeconds: 2.2 });
  }

  @Get('broken')
  broken(): never {
    throw new Error('password of the database');
  }

  @Get('quarantined')
  quarantined(): never {
    throw new ProblemError('job_quarantined');
  }

  @Get('used-up')
  usedUp(): never {
    throw new ProblemError('quota_exceeded', { retryAfterSeconds: 86_400 });
  }

  @Get('framework')
  framework(): never {
    throw new HttpException('secret of the framework', 500);
  }

  @Get('half')
  half(@Res() reply: { raw: { write(text: string): void } }): never {
    reply.raw.write('half an answer');
    throw new ProblemError('worker_unavailable');
  }

  @Post('echo')
  echo(@Body() body: object): object {
    return body;
  }
}

const lines: Record<string, unknown>[] = [];
const log = Log.create('sample', 'info', { write: (line) => void lines.push(JSON.parse(line) as (typeof lines)[0]) });

@Module({
  imports: [
    PlatformModule.register({ log, readiness: new Readiness(), tracing: Tracing.off() }),
    ManagementModule.register(),
  ],
  controllers: [ThrowingController],
})
class SampleModule {}

let app: NestFastifyApplication;

beforeAll(async () => {
  app = await createHttpApp(SampleModule, log, { bodyLimitBytes: 100 });
  await app.init();
});
beforeEach(() => lines.splice(0));
afterAll(() => app.close());

const get = (url: string, headers: Record<string, string> = {}) => app.inject({ method: 'GET', url, headers });

it('writes a problem with all its fields, the request id and when to come back', async () => {
  const response = await get('/busy', { 'x-request-id': 'req-1' });
  expect(response.statusCode).toBe(429);
  expect(response.headers).toMatchObject({ 'x-request-id': 'req-1', 'retry-after': '3' });
  expect(response.headers['content-type']).toMatch(/^application\/json/);
  expect(response.json()).toEqual({
    error_code: 'concurrency_limited',
    title: 'Too many concurrent requests',
    message: 'Try again after Retry-After seconds.',
    request_id: 'req-1',
  });
});

it('hides an unknown error behind internal and logs its cause with the request id', async () => {
  const response = await get('/broken', { 'x-request-id': 'req-2' });
  expect(response.statusCode).toBe(500);
  expect(response.body).not.toContain('password');
  expect(response.json()).toMatchObject({ error_code: 'internal', request_id: 'req-2' });
  const line = lines.find((entry) => entry['msg'] === 'request failed');
  expect(line).toMatchObject({ level: 'error', requestId: 'req-2', code: 'internal' });
  expect(JSON.stringify(line)).toContain('password of the database');
});

it('hides a server error of the framework too', async () => {
  const response = await get('/framework');
  expect(response.json()).toMatchObject({ error_code: 'internal' });
  expect(response.body).not.toContain('secret');
});

it('tells clients not to retry a permanent server error or a limit that is used up, and only that', async () => {
  expect((await get('/used-up')).headers).toMatchObject({ 'x-should-retry': 'false', 'retry-after': '86400' });
  expect((await get('/quarantined')).headers['x-should-retry']).toBe('false');
  expect((await get('/broken')).headers['x-should-retry']).toBeUndefined();
});

it('answers an unknown path with not_found and a new request id', async () => {
  const response = await get('/nowhere');
  expect(response.statusCode).toBe(404);
  expect(response.json()).toMatchObject({ error_code: 'not_found' });
  expect(response.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
  expect(response.json<{ request_id: string }>().request_id).toBe(response.headers['x-request-id']);
});

it.each([
  ['not JSON', 'application/json', '{"text": "unfinished', 400, 'bad_request'],
  ['too long', 'application/json', JSON.stringify('x'.repeat(200)), 413, 'too_large'],
  ['of an unknown type', 'application/x-unknown', 'abc', 415, 'media_type_not_supported'],
])('answers a body that is %s with its own code', async (_what, contentType, payload, status, code) => {
  const headers = { 'content-type': contentType };
  const response = await app.inject({ method: 'POST', url: '/echo', headers, payload });
  expect([response.statusCode, response.json<{ error_code: string }>().error_code]).toEqual([status, code]);
  expect(response.body).not.toContain('unfinished');
});

it.each([
  ['an unknown path', 'GET', '/nowhere', 404, 'not_found'],
  ['an unknown method', 'PUT', '/echo', 404, 'not_found'],
  ['a path that cannot be decoded', 'GET', '/%zz', 400, 'bad_request'],
  ['a body that is not JSON', 'POST', '/echo', 400, 'bad_request'],
] as const)(
  'quotes nothing of a request with %s, neither in the answer nor in the log',
  async (_what, method, path, status, code) => {
    lines.length = 0;
    const body = method === 'POST' ? { headers: { 'content-type': 'application/json' }, payload: '{sk_secret' } : {};
    const response = await app.inject({ method, url: `${path}?api_key=sk_secret`, ...body });
    expect([response.statusCode, response.json<{ error_code: string }>().error_code]).toEqual([status, code]);
    expect(response.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
    expect(response.body + JSON.stringify(lines)).not.toContain('sk_secret');
  },
);

it('replaces a malformed request id', async () => {
  const response = await get('/busy', { 'x-request-id': 'two words' });
  expect(response.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
});

it('breaks the connection when the answer has begun', async () => {
  const port =
    ((await app.listen(0, '127.0.0.1')) as unknown, (app.getHttpServer().address() as { port: number }).port);
  const response = await fetch(`http://127.0.0.1:${port}/half`);
  await expect(response.text()).rejects.toThrow();
});

it('repeats the request id in a good answer and counts problems by code', async () => {
  const response = await app.inject({
    method: 'POST',
    url: '/echo',
    payload: { a: 1 },
    headers: { 'x-request-id': 'r' },
  });
  expect(response.headers['x-request-id']).toBe('r');
  await get('/quarantined');
  expect((await get('/metrics')).body).toMatch(/antiphon_errors_total\{code="job_quarantined"\} [1-9]/);
});
