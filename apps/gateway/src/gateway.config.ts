import { randomBytes } from 'node:crypto';
import { IsIn, IsInt, IsOptional, IsString, IsUrl, Matches, Max, Min } from 'class-validator';
import type { DecodingLimits } from '@app/media';
import { AppConfig, loadConfig, Variable } from '@app/platform';
import { idPattern } from '@app/protocol';

const httpUrl = { protocols: ['http', 'https'], require_protocol: true, require_tld: false };

/** The settings of the gateway, read from its environment. */
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

  @Variable('NATS servers, separated by commas.')
  @IsString({ each: true })
  natsUrl: string[] = ['nats://127.0.0.1:4222'];

  @Variable(
    'Replicas of the JetStream stream of each lane: 1, 3 or 5. If unset, existing streams are left alone and new ones get 1.',
  )
  @IsOptional()
  @IsIn([1, 3, 5])
  jetstreamReplicas?: number;

  @Variable(
    'Dispatch of functions, if it differs from the function graph: KIND=queue or KIND=request, separated by commas.',
  )
  @IsString({ each: true })
  dispatch: string[] = [];

  @Variable('Base URL of the inference service. Needed for functions with request dispatch.')
  @IsOptional()
  @IsUrl(httpUrl)
  inferenceUrl?: string;

  @Variable(
    'Time that a new job may wait for a worker, in milliseconds. If unset, the value of the function graph holds.',
  )
  @IsOptional()
  @IsInt()
  @Min(1)
  waitBudgetMs?: number;

  @Variable('Base URL of the license app.')
  @IsUrl(httpUrl)
  licenseProxyUrl = 'http://127.0.0.1:8080';

  @Variable(
    'Longest time that the license app may take to answer, in milliseconds. One answer that takes longer opens the circuit: no request waits for the license app again until a probe is answered.',
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

  @Variable('Name of this gateway on NATS. Must be unique. Random if unset.')
  @Matches(idPattern)
  gatewayId = `gateway-${randomBytes(6).toString('hex')}`;

  @Variable(
    'Artifact ids of the voices and models on offer, separated by commas. If unset, the defaults of the manifest.',
  )
  @IsOptional()
  @IsString({ each: true })
  served?: string[];

  @Variable(
    "Aliases of models: PATTERN=MODEL, separated by commas. If unset, sonic* is the first voice's model and ink* the first STT model.",
  )
  @IsString({ each: true })
  modelAliases: string[] = [];

  @Variable(
    'Aliases of voices: PATTERN=VOICE, separated by commas. *=VOICE matches all. If unset, voice ids that are built into clients select the first voice.',
  )
  @IsString({ each: true })
  voiceAliases: string[] = [];

  @Variable(
    'Most contexts and STT streams of a key at the same time, if its grant has no limit. If unset, there is no limit.',
  )
  @IsOptional()
  @IsInt()
  @Min(1)
  maxConcurrent?: number;

  @Variable('Most characters of one context.')
  @IsInt()
  @Min(1)
  maxTranscriptCharacters = 200_000;

  @Variable('Largest WebSocket message from a client and largest JSON body, in bytes.')
  @IsInt()
  @Min(1_024)
  maxMessageBytes = 1_048_576;

  @Variable('Longest pause between two pieces of a request body, in milliseconds.')
  @IsInt()
  @Min(1)
  bodyIdleMs = 10_000;

  @Variable(
    'Longest time for a request body to arrive, in milliseconds. A file of POST /stt has no limit once its recognition has begun, at the latest after half of this time if its model came before it.',
  )
  @IsInt()
  @Min(1)
  bodyTimeoutMs = 30_000;

  @Variable('Largest file for POST /stt, in bytes.')
  @IsInt()
  @Min(1_024)
  maxUploadBytes = 2_147_483_648;

  @Variable(
    'Largest part of a file for POST /stt that is held until the other fields of the form have arrived, in bytes.',
  )
  @IsInt()
  @Min(1_024)
  maxUploadHeadBytes = 8_388_608;

  @Variable('Longest audio of a file for POST /stt, in seconds.')
  @IsInt()
  @Min(1)
  maxAudioSeconds = 14_400;

  @Variable(
    'Most compressed files for POST /stt that are decoded at the same time, each in a thread. A key has at most half of them. Others wait, no longer than WAIT_BUDGET_MS (1 min).',
  )
  @IsInt()
  @Min(1)
  maxDecoders = 8;

  @Variable(
    'Largest MP4 or M4A file for POST /stt whose index is at its end, in bytes. The gateway holds it in memory.',
  )
  @IsInt()
  @Min(1_024)
  maxIndexLastBytes = 67_108_864;

  @Variable(
    'Longest unplayed audio that a TTS socket sends to its client for each context, in milliseconds. Values below 1000 count as 1000. The gateway holds the audio beyond it and sends it in pieces of 1 s.',
  )
  @IsInt()
  @Min(0)
  ttsAheadMs = 10_000;

  @Variable(
    'Held audio of a context of a TTS socket from which on no further utterance is started, in milliseconds. The gateway holds at most this plus the length of one utterance (250 characters).',
  )
  @IsInt()
  @Min(0)
  ttsHeldMs = 5_000;

  @Variable('Time after which an open context without text or audio expires, in milliseconds.')
  @IsInt()
  @Min(1)
  contextExpiryMs = 60_000;

  @Variable('Time without messages after which a TTS socket is closed, in milliseconds.')
  @IsInt()
  @Min(1)
  ttsIdleMs = 300_000;

  @Variable('Time without messages after which an STT socket is closed, in milliseconds.')
  @IsInt()
  @Min(1)
  sttIdleMs = 180_000;

  @Variable('Folder of the usage records that are not published yet. It must outlive a restart of the gateway.')
  @IsString()
  usageFolder = 'usage';

  @Variable('Size of the unpublished usage records at which new requests are refused, in bytes.')
  @IsInt()
  @Min(1_024)
  usageSpoolBytes = 67_108_864;

  @Variable('Drain time: how long running requests may go on at shutdown, in milliseconds.')
  @IsInt()
  @Min(0)
  drainMs = 5_000;

  static fromEnvironment(): Readonly<GatewayConfig> {
    return loadConfig(GatewayConfig, process.env);
  }
}

/** The limits of the decoding of files. */
export const decodingLimits = (config: Readonly<GatewayConfig>): DecodingLimits => ({
  maxSeconds: config.maxAudioSeconds,
  maxThreads: config.maxDecoders,
  maxWaitMs: config.waitBudgetMs ?? 60_000,
  maxHeldBytes: config.maxIndexLastBytes,
});
