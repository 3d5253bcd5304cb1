import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace';
import { traceHeadersOf, Tracing } from './tracing';

describe('Tracing', () => {
  const exporter = new InMemorySpanExporter();
  const tracing = Tracing.through('gateway', new SimpleSpanProcessor({ exporter }));
  beforeEach(() => exporter.reset());

  it('records spans with their attributes, and the problem they end with', () => {
    const span = tracing.start('tts', { attributes: { lane: 'tts.piper' } });
    span.set({ attempt: 2 });
    span.end('voice_not_found');
    span.end();
    const [found, ...more] = exporter.getFinishedSpans();
    expect(more).toEqual([]);
    expect(found).toMatchObject({
      name: 'tts',
      attributes: { lane: 'tts.piper', attempt: 2, 'error.type': 'voice_not_found' },
      status: { code: 2 },
    });
    expect(found?.resource.attributes).toMatchObject({ 'service.name': 'antiphon-gateway' });
  });

  it('hands a trace on through headers', () => {
    const parent = tracing.start('gateway');
    tracing.start('worker', { parent: parent.headers, kind: 'consumer' }).end();
    parent.end();
    const [child, root] = exporter.getFinishedSpans();
    expect(child?.spanContext().traceId).toBe(root?.spanContext().traceId);
    expect(child?.parentSpanContext?.spanId).toBe(root?.spanContext().spanId);
  });

  it('takes times of the monotonic clock', () => {
    const startedAtMs = performance.now() - 1_000;
    tracing.start('step', { startedAtMs }).end(undefined, startedAtMs + 250);
    const [span] = exporter.getFinishedSpans();
    const [seconds = 0, nanoseconds = 0] = span?.duration ?? [];
    expect(seconds * 1_000 + nanoseconds / 1e6).toBeCloseTo(250, 0);
  });

  it('does not record what its caller chose not to', () => {
    const parent = { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00' };
    const span = tracing.start('worker', { parent });
    span.end();
    expect(exporter.getFinishedSpans()).toEqual([]);
    expect(span.headers.traceparent).toMatch(/^00-0af7651916cd43dd8448eb211c80319c-[0-9a-f]{16}-00$/);
  });

  it('has no headers to hand on when it is off', () => {
    const off = Tracing.to('gateway', { otelTracesSamplerArg: 1 });
    const span = off.start('tts', { parent: { traceparent: 'x' } });
    span.end('internal');
    expect(span.headers).toEqual({});
  });

  it('sends spans to a collector below /v1/traces, and what was recorded leaves at the end', async () => {
    const bodies: string[] = [];
    const paths: (string | undefined)[] = [];
    const collector = createServer((request, response) => {
      paths.push(request.url);
      request.on('data', (data: Buffer) => bodies.push(data.toString('utf8')));
      request.on('end', () => response.end('{}'));
    });
    await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve));
    const { port } = collector.address() as AddressInfo;
    const otelExporterOtlpEndpoint = `http://127.0.0.1:${port}/`;
    const sending = Tracing.to('license', { otelExporterOtlpEndpoint, otelTracesSamplerArg: 1 });
    sending.start('authorize').end();
    await sending.close();
    collector.close();
    expect(paths).toEqual(['/v1/traces']);
    expect(bodies.join('')).toContain('"authorize"');
  });

  it('closes in time when no collector is there', async () => {
    const otelExporterOtlpEndpoint = 'http://127.0.0.1:1';
    const sending = Tracing.to('license', { otelExporterOtlpEndpoint, otelTracesSamplerArg: 1 });
    sending.start('authorize').end();
    await sending.close();
  });
});

describe('the trace context of a request', () => {
  it('is what its headers say', () => {
    expect(traceHeadersOf({ traceparent: 'a', tracestate: 'b', cookie: 'c' })).toEqual({
      traceparent: 'a',
      tracestate: 'b',
    });
    expect(traceHeadersOf({ traceparent: 'a' })).toEqual({ traceparent: 'a' });
  });

  it('is none without a traceparent', () => {
    expect(traceHeadersOf({ tracestate: 'b' })).toBeUndefined();
  });
});
