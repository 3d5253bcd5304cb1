import { generation, TtsClient } from '../../tools/client/tts-client';
import { transcribeFile } from '../../tools/client/stt-client';
import { RunningStack } from '../support/running-stack';
import { TraceCollector, type CollectedSpan } from '../support/trace-collector';

const seconds = 1_000;
const text = 'Nobody shall read these words in a trace.';

/** Jobs of one kind go through JetStream, those of the other over HTTP. */
const dispatch = ['tts=queue', 'stt=request'];

describe('traces', () => {
  const collector = new TraceCollector();
  let stack: RunningStack;

  beforeAll(async () => {
    process.env.OTEL_EXPORTER_OTLP_ENDPOINT = await collector.start();
    stack = await RunningStack.start({ dispatch });
  }, 120 * seconds);
  afterAll(async () => {
    delete process.env.OTEL_EXPORTER_OTLP_ENDPOINT;
    await stack?.stop();
    collector.stop();
  }, 60 * seconds);

  const childOf = (parent: CollectedSpan, app: string, name: string): Promise<CollectedSpan> =>
    collector.span(
      (span) =>
        span.app === `antiphon-${app}` &&
        span.name === name &&
        span.traceId === parent.traceId &&
        span.parentSpanId === parent.spanId,
    );

  it(
    'lead from a message on a socket over the licence and JetStream to the steps of a batch',
    async () => {
      const client = await TtsClient.open(stack.target);
      client.send('c', { ...generation(), transcript: text, continue: false });
      await client.until('c', ({ done }) => done);
      client.close();
      const context = await collector.span(({ name }) => name === 'tts context');
      const authorize = await childOf(context, 'gateway', 'authorize');
      await childOf(authorize, 'license', 'POST /authorize');
      const offer = await childOf(context, 'gateway', 'offer job');
      const run = await childOf(offer, 'inference', 'run tts');
      await childOf(run, 'inference', 'step encode');
      await childOf(run, 'inference', 'step decode');
    },
    60 * seconds,
  );

  it(
    'lead from a request over HTTP to the steps of a batch, in the trace of the caller',
    async () => {
      const traceId = '0af7651916cd43dd8448eb211c80319c';
      const wav = await speech(stack);
      await transcribeFile(stack.target, wav, '', { traceparent: `00-${traceId}-b7ad6b7169203331-01` });
      const request = await collector.span(({ name, traceId: id }) => name === 'POST /stt' && id === traceId);
      expect(request.parentSpanId).toBe('b7ad6b7169203331');
      const stream = await childOf(request, 'gateway', 'stt stream');
      const offer = await childOf(stream, 'gateway', 'offer job');
      const jobs = await childOf(offer, 'inference', 'POST /jobs');
      const run = await childOf(jobs, 'inference', 'run stt');
      await childOf(run, 'inference', 'step transcribe');
    },
    60 * seconds,
  );

  it('hold neither text nor keys, and nothing of what machines ask all the time', () => {
    const all = JSON.stringify(collector.spans);
    expect(collector.spans.length).toBeGreaterThan(5);
    // As sent, and as the transcript may spell it.
    expect(all).not.toMatch(/nobody|shall read|words in a trace/i);
    expect(all).not.toContain(stack.target.apiKey);
    expect(all).not.toMatch(/readyz|metrics/);
  });
});

/** The text as a WAV file. */
async function speech({ target }: RunningStack): Promise<Uint8Array> {
  const response = await fetch(`${target.api}/tts/bytes`, {
    method: 'POST',
    headers: { 'X-API-Key': target.apiKey },
    body: JSON.stringify({
      ...generation(),
      transcript: text,
      output_format: { container: 'wav', encoding: 'pcm_s16le', sample_rate: 16_000 },
    }),
  });
  return new Uint8Array(await response.arrayBuffer());
}
