import { IsIn, IsNumber, IsOptional, IsUrl, Max, Min } from 'class-validator';
import { Variable } from './config';
import { logLevels, type LogLevel } from './log';
import type { TracingConfig } from './tracing';

/** What every app is told from outside; each app's configuration extends it. */
export abstract class AppConfig implements TracingConfig {
  @Variable(`How much is logged: ${logLevels.join(', ')}.`)
  @IsIn(logLevels)
  logLevel: LogLevel = 'info';

  @Variable('Base URL of an OTLP/HTTP collector of traces; unset means no traces.')
  @IsOptional()
  @IsUrl({ protocols: ['http', 'https'], require_protocol: true, require_tld: false })
  otelExporterOtlpEndpoint?: string;

  @Variable('Share of the traces begun here that are recorded, 0 to 1.')
  @IsNumber()
  @Min(0)
  @Max(1)
  otelTracesSamplerArg = 1;
}
