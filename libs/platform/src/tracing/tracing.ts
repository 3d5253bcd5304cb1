import {
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  type Attributes,
  type Context,
  type Span,
  type Tracer,
} from '@opentelemetry/api';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  BatchSpanProcessor,
  ParentBasedSampler,
  TracerProvider,
  TraceIdRatioBasedSampler,
  type SpanProcessor,
} from '@opentelemetry/sdk-trace';
import { namePrefix, productVersion } from '@app/protocol';

/** A W3C trace context as headers of HTTP or NATS: `traceparent`, and `tracestate` if there is one. */
export type TraceHeaders = Readonly<Record<string, string>>;

/** The trace settings of an app. */
export interface TracingConfig {
  /** Base URL of an OTLP/HTTP collector. If unset, there are no traces. */
  readonly otelExporterOtlpEndpoint?: string | undefined;
  /**
   * Share of the traces started by this app that are recorded, from 0 to 1. A request with a trace context follows the
   * decision of its caller.
   */
  readonly otelTracesSamplerArg: number;
}

/** The start of a span. Attributes hold ids, names and sizes, never text, audio or keys. */
export interface SpanBeginning {
  /** Trace headers of the cause. Without them the span starts a new trace. */
  readonly parent?: TraceHeaders | undefined;
  /** `server` and `consumer` were caused by another process. `client` and `producer` cause work in another process. */
  readonly kind?: keyof typeof kinds;
  readonly attributes?: Attributes;
  /** On the clock of `performance.now()`. Default: now. */
  readonly startedAtMs?: number;
}

const kinds = {
  internal: SpanKind.INTERNAL,
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
} as const;

/** Time limit of an export to the collector, in milliseconds. The shutdown of the app waits for it. */
const exportTimeoutMs = 2_000;

const propagator = new W3CTraceContextPropagator();
const setter = { set: (carrier: Record<string, string>, key: string, value: string) => void (carrier[key] = value) };
const getter = {
  get: (carrier: TraceHeaders, key: string) => carrier[key],
  keys: (carrier: TraceHeaders) => Object.keys(carrier),
};

/**
 * Makes the traces of this process. Contexts are passed on as headers, since the work of one request is spread over
 * sockets, queues and batches.
 */
export class Tracing {
  private readonly tracer: Tracer | undefined;

  private constructor(private readonly provider: TracerProvider | undefined) {
    this.tracer = provider?.getTracer(namePrefix, productVersion);
  }

  /** Sends spans to a collector in the background. Spans that it does not accept are dropped. */
  static to(app: string, { otelExporterOtlpEndpoint, otelTracesSamplerArg }: TracingConfig): Tracing {
    if (otelExporterOtlpEndpoint === undefined) return Tracing.off();
    const url = `${otelExporterOtlpEndpoint.replace(/\/+$/, '')}/v1/traces`;
    const processor = new BatchSpanProcessor({
      exporter: new OTLPTraceExporter({ url, timeoutMillis: exportTimeoutMs }),
    });
    return Tracing.through(app, processor, otelTracesSamplerArg);
  }

  /** For tests that inspect the spans. */
  static through(app: string, processor: SpanProcessor, ratio = 1): Tracing {
    return new Tracing(
      new TracerProvider({
        resource: resourceFromAttributes({
          'service.name': `${namePrefix}-${app}`,
          'service.version': productVersion,
          'process.pid': process.pid,
        }),
        sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(ratio) }),
        spanProcessors: [processor],
      }),
    );
  }

  /** Records nothing and costs nothing. */
  static off(): Tracing {
    return new Tracing(undefined);
  }

  /** Whether anything is recorded at all. */
  get isOn(): boolean {
    return this.tracer !== undefined;
  }

  start(name: string, beginning: SpanBeginning = {}): TraceSpan {
    if (!this.tracer) return noSpan;
    const { parent, kind = 'internal', attributes, startedAtMs } = beginning;
    const from: Context = parent ? propagator.extract(ROOT_CONTEXT, parent, getter) : ROOT_CONTEXT;
    const options = {
      kind: kinds[kind],
      ...(attributes ? { attributes } : {}),
      ...(startedAtMs === undefined ? {} : { startTime: wallTime(startedAtMs) }),
    };
    return new RecordedSpan(this.tracer.startSpan(name, options, from));
  }

  /** Resolves when the recorded spans were sent or could not be sent. */
  async close(): Promise<void> {
    await this.provider?.shutdown().catch(() => undefined);
  }
}

/** A span: a piece of work within a trace. */
export interface TraceSpan {
  /** The trace headers for calls and jobs that this span causes. Empty if traces are off. */
  readonly headers: TraceHeaders;
  set(attributes: Attributes): void;
  /** Ends the span. Only the first call counts. A problem is recorded by its code. */
  end(problemCode?: string, endedAtMs?: number): void;
}

const noSpan: TraceSpan = { headers: {}, set: () => undefined, end: () => undefined };

class RecordedSpan implements TraceSpan {
  readonly headers: TraceHeaders;

  constructor(private readonly span: Span) {
    const headers: Record<string, string> = {};
    propagator.inject(trace.setSpan(ROOT_CONTEXT, span), headers, setter);
    this.headers = headers;
  }

  set(attributes: Attributes): void {
    this.span.setAttributes(attributes);
  }

  end(problemCode?: string, endedAtMs?: number): void {
    if (!this.span.isRecording()) return;
    if (problemCode !== undefined) {
      this.span.setAttribute('error.type', problemCode);
      this.span.setStatus({ code: SpanStatusCode.ERROR });
    }
    this.span.end(endedAtMs === undefined ? undefined : wallTime(endedAtMs));
  }
}

const wallTime = (monotonicMs: number): number => performance.timeOrigin + monotonicMs;

/** The trace context in the headers of a request, or undefined if there is none. */
export function traceHeadersOf(
  headers: Readonly<Record<string, string | string[] | undefined>>,
): TraceHeaders | undefined {
  const { traceparent, tracestate } = headers;
  if (typeof traceparent !== 'string') return undefined;
  return typeof tracestate === 'string' ? { traceparent, tracestate } : { traceparent };
}
