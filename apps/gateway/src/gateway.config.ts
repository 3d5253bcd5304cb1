import { randomBytes } from 'node:crypto';
import { IsIn, IsInt, IsOptional, IsString, IsUrl, Matches, Max, Min } from 'class-validator';
import { AppConfig, loadConfig, Variable } from '@app/platform';
import { idPattern } from '@app/protocol';

const httpUrl = { protocols: ['http', 'https'], require_protocol: true, require_tld: false };

/** What the gateway is told from outside. */
export class GatewayConfig extends AppConfig {
  @Variable('Address to listen on.')
  @IsString()
  host = '0.0.0.0';

  @Variable('Port of the API.')
  @IsInt()
  @Min(0)
  @Max(65_535)
  port = 5_000;

  @Variable('Port of /metrics, /healthz and /readyz.')
  @IsInt()
  @Min(0)
  @Max(65_535)
  metricsPort = 8_080;

  @Variable('NATS server or servers, comma-separated.')
  @IsString({ each: true })
  natsUrl: string[] = ['nats://127.0.0.1:4222'];

  @Variable('Copies of a lane on the bus: 1, 3 or 5. Unset: as they are, 1 where it makes one.')
  @IsOptional()
  @IsIn([1, 3, 5])
  jetstreamReplicas?: number;

  @Variable(
    'KIND=queue|request, comma-separated: how jobs of a function are offered, where not as in the function graph.',
  )
  @IsString({ each: true })
  dispatch: string[] = [];

  @Variable('Base URL of the inference service, for functions with request dispatch.')
  @IsOptional()
  @IsUrl(httpUrl)
  inferenceUrl?: string;

  @Variable('How long a new job may wait for a worker to wake; unset means as in the function graph.')
  @IsOptional()
  @IsInt()
  @Min(1)
  waitBudgetMs?: number;

  @Variable('Base URL of the license app.')
  @IsUrl(httpUrl)
  licenseProxyUrl = 'http://127.0.0.1:8080';

  @Variable(
    'How long the license app may take to answer, in milliseconds. One answer that takes longer opens the circuit: requests then wait for it no more until a probe is answered.',
  )
  @IsInt()
  @Min(1)
  licenseTimeoutMs = 1_000;

  @Variable(
    'Pause before each probe of a license app that does not answer, in milliseconds. No request waits for a probe.',
  )
  @IsInt()
  @Min(1)
  licenseProbeMs = 500;

  @Variable('Name of this gateway on the bus; must differ between gateways. Random unless set.')
  @Matches(idPattern)
  gatewayId = `gateway-${randomBytes(6).toString('hex')}`;

  @Variable(
    'Artifact ids of the voices and models on offer, comma-separated; unset means the defaults of the manifest.',
  )
  @IsOptional()
  @IsString({ each: true })
  served?: string[];

  @Variable(
    "PATTERN=MODEL, comma-separated. Unset: sonic*= the first voice's model, ink*= the first recognition model.",
  )
  @IsString({ each: true })
  modelAliases: string[] = [];

  @Variable(
    'PATTERN=VOICE, comma-separated; *=VOICE catches all. Unset: ids that clients have built in speak with the first voice.',
  )
  @IsString({ each: true })
  voiceAliases: string[] = [];

  @Variable('Most contexts and STT streams of a key at once, where its grant names no limit; unset means none.')
  @IsOptional()
  @IsInt()
  @Min(1)
  maxConcurrent?: number;

  @Variable('Most characters of one context.')
  @IsInt()
  @Min(1)
  maxTranscriptCharacters = 200_000;

  @Variable('Largest WebSocket message from a client, and largest JSON body.')
  @IsInt()
  @Min(1_024)
  maxMessageBytes = 1_048_576;

  @Variable('Longest pause between two pieces of a request body, in milliseconds.')
  @IsInt()
  @Min(1)
  bodyIdleMs = 10_000;

  @Variable(
    'Longest time that a request body may take, in milliseconds. Forms are read while they arrive and are exempt.',
  )
  @IsInt()
  @Min(1)
  bodyTimeoutMs = 30_000;

  @Variable('Largest file for POST /stt.')
  @IsInt()
  @Min(1_024)
  maxUploadBytes = 2_147_483_648;

  @Variable('How much of a file for POST /stt is kept while the rest of its form is not known.')
  @IsInt()
  @Min(1_024)
  maxUploadHeadBytes = 8_388_608;

  @Variable(
    'Longest audio that a client of a TTS socket is sent ahead of playing it, in milliseconds; below 1000 it counts as 1000. Audio beyond it is held for each context and sent in pieces of 1 s.',
  )
  @IsInt()
  @Min(0)
  ttsAheadMs = 10_000;

  @Variable(
    'Audio that the gateway holds for each context of a TTS socket before it waits with the next utterance, in milliseconds. It holds at most this and the length of one utterance (250 characters).',
  )
  @IsInt()
  @Min(0)
  ttsHeldMs = 5_000;

  @Variable('How long an open context without text or audio is kept.')
  @IsInt()
  @Min(1)
  contextExpiryMs = 60_000;

  @Variable('How long a TTS socket may be silent.')
  @IsInt()
  @Min(1)
  ttsIdleMs = 300_000;

  @Variable('How long an STT socket may be silent.')
  @IsInt()
  @Min(1)
  sttIdleMs = 180_000;

  @Variable('How long running requests may go on at shutdown.')
  @IsInt()
  @Min(0)
  drainMs = 5_000;

  static fromEnvironment(): Readonly<GatewayConfig> {
    return loadConfig(GatewayConfig, process.env);
  }
}
