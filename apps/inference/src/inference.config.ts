import { ArrayNotEmpty, IsIn, IsInt, IsNumber, IsOptional, IsString, Matches, Max, Min } from 'class-validator';
import { idPattern } from '@app/protocol';
import { AppConfig, loadConfig, Variable } from '@app/platform';
import {
  batchingModes,
  profileNames,
  tuningOf,
  type BatchingMode,
  type ProfileName,
  type Tuning,
} from '@app/speech/batching';

const hour = 3_600_000;

/** Every setting of a worker. Numbers of the profile are unset unless they replace the profile's. */
export class InferenceConfig extends AppConfig {
  @Variable('Servers of the bus, separated by commas.')
  @ArrayNotEmpty()
  @IsString({ each: true })
  natsUrl: string[] = ['nats://127.0.0.1:4222'];

  @Variable('Copies of a lane on the bus: 1, 3 or 5. Unset: as they are, 1 where it makes one.')
  @IsOptional()
  @IsIn([1, 3, 5])
  jetstreamReplicas?: number;

  @Variable('Lanes to serve, KIND.MODEL, separated by commas.')
  @ArrayNotEmpty()
  @Matches(/^[a-z0-9-]+\.[a-z0-9-]+$/, { each: true, message: 'lanes must be KIND.MODEL, as in tts.piper' })
  lanes: string[] = ['tts.piper', 'stt.whisper-tiny-en'];

  @Variable('Folder of the models; each in a folder named by its artifact id.')
  @IsString()
  modelsFolder = 'models';

  @Variable(
    'Folder for graphs made from models that cannot be kept beside them. Default: .cache/antiphon/graphs of this user.',
  )
  @IsOptional()
  @IsString()
  graphsFolder?: string;

  @Variable('Name of this worker on the bus; random by default.')
  @IsOptional()
  @Matches(idPattern)
  workerId?: string;

  @Variable(`Named settings of latency against throughput: ${profileNames.join(', ')}.`)
  @IsIn(profileNames)
  profile: ProfileName = 'balanced';

  @Variable('Seats of a lane, and most requests in a batch.')
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(256)
  batchSize?: number;

  @Variable(`How batches form: ${batchingModes.join(', ')}.`)
  @IsOptional()
  @IsIn(batchingModes)
  batching?: BatchingMode;

  @Variable('How long a step may wait for company with BATCHING=always.')
  @IsOptional()
  @IsNumber()
  @Min(0)
  @Max(10_000)
  batchWaitMs?: number;

  @Variable('TTS: how long before a listener runs dry the next window is due.')
  @IsOptional()
  @IsNumber()
  @Min(0)
  playbackMarginMs?: number;

  @Variable('TTS: how long a newcomer gives way to audio that is about to run dry.')
  @IsOptional()
  @IsNumber()
  @Min(0)
  @Max(10_000)
  startPatienceMs?: number;

  @Variable('STT: new audio between two partial transcripts.')
  @IsOptional()
  @IsNumber()
  @Min(50)
  partialIntervalMs?: number;

  @Variable('STT: the same as a share of the utterance so far, where that is more.')
  @IsOptional()
  @IsNumber()
  @Min(0)
  @Max(10)
  partialGrowth?: number;

  @Variable('STT: speech before the first partial transcript.')
  @IsOptional()
  @IsNumber()
  @Min(100)
  firstPartialMs?: number;

  @Variable('STT: silence that ends an utterance.')
  @IsOptional()
  @IsNumber()
  @Min(100)
  @Max(10_000)
  endSilenceMs?: number;

  @Variable('STT: silence after which an utterance is recognised in advance, in case it ends there.')
  @IsOptional()
  @IsNumber()
  @Min(32)
  @Max(10_000)
  eagerSilenceMs?: number;

  @Variable('STT: silence that the encoder hears after the speech.')
  @IsOptional()
  @IsNumber()
  @Min(0)
  @Max(30_000)
  contextPaddingMs?: number;

  @Variable('STT: least audio and silence that the encoder hears; 30000 is all it can.')
  @IsOptional()
  @IsNumber()
  @Min(0)
  @Max(30_000)
  encoderContextMs?: number;

  @Variable('Engine processes of a lane; one per core, or one alone where requests are to share batches.')
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(256)
  engines?: number;

  @Variable('Threads of an engine; one, or all cores for an engine that is alone.')
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(256)
  engineThreads?: number;

  @Variable('Weights of STT models: int8, float32. Voices are always float32.')
  @IsIn(['int8', 'float32'])
  precision: 'int8' | 'float32' = 'int8';

  @Variable('Where models compute: cpu, cuda.')
  @IsIn(['cpu', 'cuda'])
  executionProvider: 'cpu' | 'cuda' = 'cpu';

  @Variable(
    'Longest step of an engine, for each step of a batch. The process is killed after it, or sooner by the usual time.',
  )
  @IsInt()
  @Min(100)
  @Max(hour)
  stepTimeoutMs = 10_000;

  @Variable('Longest time for an engine to read a model.')
  @IsInt()
  @Min(1_000)
  @Max(hour)
  loadTimeoutMs = 60_000;

  @Variable('How long jobs may go on after SIGTERM before they are handed back.')
  @IsInt()
  @Min(0)
  @Max(hour)
  drainTimeoutMs = 10_000;

  @Variable('Port of POST /jobs in the mode serve.')
  @IsInt()
  @Min(0)
  @Max(65_535)
  port = 8000;

  @Variable('Address to listen on.')
  @IsString()
  host = '0.0.0.0';

  @Variable('Port of the metrics and health pages.')
  @IsInt()
  @Min(0)
  @Max(65_535)
  metricsPort = 8080;

  static fromEnvironment(): Readonly<InferenceConfig> {
    return loadConfig(InferenceConfig, process.env);
  }
}

/** The profile with the numbers that were set in their places. */
export const tuningFrom = (config: Readonly<InferenceConfig>): Tuning => tuningOf(config.profile, config);
