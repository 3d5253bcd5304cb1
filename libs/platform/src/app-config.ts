import { IsIn, IsNumber, IsOptional, IsUrl, Max, Min } from 'class-validator';
import { Variable } from './config';
import { logLevels, type LogLevel } from './log';
import type { TracingConfig } from './tracing';

/** The settings of every app. The configuration of each app extends it. */
export abstract class AppConfig implements TracingConfig {
  @Variable(`Log level: ${logLevels.join(', ')}.`)
  @IsIn(logLevels)
  logLevel: LogLevel = 'info';

  @Variable('Base URL of an OTLP/HTTP collector of traces. If unset, there are no traces.')
  @IsOptional()
  @IsUrl({ protocols: ['http', 'https'], require_protocol: true, require_tld: false })
  otelExporterOtlpEndpoint?: string;

  @Variable('Share of the traces started by this app that are recorded, from 0 to 1.')
  @IsNumber()
  @Min(0)
  @Max(1)
  otelTracesSamplerArg = 1;
}
