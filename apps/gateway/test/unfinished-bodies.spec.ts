import 'reflect-metadata';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { RequestMethod, type Type } from '@nestjs/common';
import { METHOD_METADATA, MODULE_METADATA, PATH_METADATA } from '@nestjs/common/constants';
import { until } from '../../../test/support/until';
import { GatewayModule } from '../src/gateway.module';
import { GatewayUnderTest } from './support/gateway-under-test';

const bodyIdleMs = 400;
const bodyTimeoutMs = 1_200;
/** Far more than any of these connections may last, and less than a body that nobody ends. */
const endedWithinMs = 15_000;

interface Route {
  readonly method: string;
  readonly path: string;
}

/** The routes of all controllers of the gateway, and some that no controller has. */
function routes(): Route[] {
  const controllers = Reflect.getMetadata(MODULE_METADATA.CONTROLLERS, GatewayModule) as Type[];
  const found = controllers.flatMap((controller) => {
    const { prototype } = controller as { prototype: Record<string, object> };
    const base = Reflect.getMetadata(PATH_METADATA, controller) as string;
    return Object.getOwnPropertyNames(prototype).flatMap((name): Route[] => {
      const path = Reflect.getMetadata(PATH_METADATA, prototype[name]!) as string | undefined;
      const method = Reflect.getMetadata(METHOD_METADATA, prototype[name]!) as RequestMethod | undefined;
      if (path === undefined || method === undefined) return [];
      return [{ method: RequestMethod[method], path: `/${base}/${path}`.replace(/\/{2,}/g, '/') }];
    });
  });
  return [...found, { method: 'POST', path: '/nowhere' }, { method: 'OPTIONS', path: '/tts/bytes' }];
}

const multipart = { 'content-type': 'multipart/form-data; boundary=b' };
const part = (fields: string): string => `--b\r\nContent-Disposition: form-data; ${fields}\r\n\r\n`;
const field = (name: string, value: string): string => `${part(`name="${name}"`)}${value}\r\n`;
const filePart = part('name="file"; filename="a.raw"');

/** Each form that a body can have: its headers and its begin. */
const forms: Record<string, readonly [Record<string, string>, string]> = {
  nothing: [{}, ''],
  json: [{ 'content-type': 'application/json' }, '{'],
  chunked: [{ 'transfer-encoding': 'chunked', 'content-type': 'application/json' }, '1\r\n{\r\n'],
  audio: [{ 'content-type': 'audio/wav' }, 'RIFF'],
  bytes: [{ 'content-type': 'application/octet-stream' }, 'RIFF'],
  'form field': [multipart, part('name="x"')],
  'form file': [multipart, filePart],
  'capital form': [{ 'content-type': 'Multipart/Form-Data; boundary=b' }, part('name="x"')],
};

describe('a body that never ends', () => {
  let gateway: GatewayUnderTest;
  const sockets: Socket[] = [];
  const timers: NodeJS.Timeout[] = [];

  beforeAll(async () => {
    gateway = await GatewayUnderTest.start({ bodyIdleMs, bodyTimeoutMs });
  });
  afterAll(async () => {
    for (const timer of timers) clearInterval(timer);
    for (const socket of sockets) socket.destroy();
    await gateway.stop();
  });

  const begin = async (route: Route, headers: Record<string, string>, body: string): Promise<Socket> => {
    const socket = connect(Number(new URL(gateway.http).port), '127.0.0.1');
    sockets.push(socket);
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    const length: Record<string, string> = 'transfer-encoding' in headers ? {} : { 'content-length': '100000' };
    const lines = Object.entries({ host: 'a', ...length, ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
    socket.write(`${route.method} ${route.path} HTTP/1.1\r\n${lines.join('')}\r\n${body}`);
    return socket;
  };
  const drip = (socket: Socket, drop: string): void => {
    // The pace is what the test is about, and a fake clock would not drive a socket.
    const timer = setInterval(() => socket.destroyed || socket.write(drop), bodyIdleMs / 4);
    timers.push(timer);
    socket.once('close', () => clearInterval(timer));
  };
  const received = (socket: Socket): (() => string) => {
    let text = '';
    socket.on('data', (bytes: Buffer) => (text += bytes.toString()));
    return () => text;
  };

  const preflight = { origin: 'https://a.test', 'access-control-request-method': 'POST' };
  const callers = { 'a key': { 'x-api-key': 'k' }, 'no key': {}, 'a wrong key': { 'x-api-key': 'other' }, preflight };

  it.each(['stops', 'drips'])(
    'and %s ends with its connection, on every route, in every form, from everybody',
    async (how) => {
      const all = routes().flatMap((route) =>
        Object.entries(forms).flatMap(([form, [headers, start]]) =>
          Object.entries(callers).map(([caller, own]) => ({
            route,
            form,
            headers: { ...headers, ...own },
            start,
            caller,
          })),
        ),
      );
      const open = new Set<string>();
      for (const { route, form, headers, start, caller } of all) {
        const name = `${route.method} ${route.path} ${form} from ${caller}`;
        open.add(name);
        const socket = await begin(route, headers, start);
        socket.resume();
        socket.once('close', () => open.delete(name));
        if (how === 'drips') drip(socket, 'transfer-encoding' in headers ? '1\r\n \r\n' : ' ');
      }
      expect(all.length).toBeGreaterThan(200);
      await until(() => open.size === 0, { withinMs: endedWithinMs }).catch(() => undefined);
      expect([...open]).toEqual([]);
      expect(await gateway.metric('antiphon_active_requests{kind="stt"}')).toBe(0);
    },
    40_000,
  );

  it.each([
    ['/stt', 'a field', part('name="x"')],
    ['/stt', 'a file before its model', filePart],
    ['/speech-activity', 'a field', part('name="x"')],
    ['/speech-activity', 'a file', filePart],
  ])('on %s, within %s, is answered with request_timeout', async (path, _, start) => {
    const socket = await begin({ method: 'POST', path }, { ...multipart, ...callers['a key'] }, start);
    const text = received(socket);
    drip(socket, ' ');
    await until(() => text().includes('request_timeout'), { withinMs: endedWithinMs });
    expect(text()).toMatch(/^HTTP\/1\.1 408 /);
  });

  it('on /stt may be the audio that is recognised while it arrives, but not what follows it', async () => {
    const live = [field('model', 'ink-2'), filePart].join('');
    const path = '/stt?encoding=pcm_s16le&sample_rate=16000';
    const socket = await begin({ method: 'POST', path }, { ...multipart, ...callers['a key'] }, live);
    const text = received(socket);
    const startedAtMs = performance.now();
    const audio = setInterval(() => socket.write(Buffer.alloc(320)), bodyIdleMs / 4);
    await until(() => performance.now() - startedAtMs > 3 * bodyTimeoutMs);
    clearInterval(audio);
    expect(text()).toBe('');
    socket.write(`\r\n${part('name="x"')}`);
    drip(socket, ' ');
    await until(() => text().includes('request_timeout'), { withinMs: endedWithinMs });
  });
});
