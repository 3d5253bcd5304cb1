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

/** The settings of a worker, read from its environment. A set number replaces the number of the profile. */
export class InferenceConfig extends AppConfig {
  @Variable('NATS servers, separated by commas.')
  @ArrayNotEmpty()
  @IsString({ each: true })
  natsUrl: string[] = ['nats://127.0.0.1:4222'];

  @Variable(
    'Replicas of the JetStream stream of each lane: 1, 3 or 5. If unset, existing streams are left alone and new ones get 1.',
  )
  @IsOptional()
  @IsIn([1, 3, 5])
  jetstreamReplicas?: number;

  @Variable('Lanes to serve, KIND.MODEL, separated by commas.')
  @ArrayNotEmpty()
  @Matches(/^[a-z0-9-]+\.[a-z0-9-]+$/, { each: true, message: 'lanes must be KIND.MODEL, as in tts.piper' })
  lanes: string[] = ['tts.piper', 'stt.whisper-tiny-en'];

  @Variable('Folder of the models. Each model is in a subfolder named by its artifact id.')
  @IsString()
  modelsFolder = 'models';

  @Variable(
    'Folder for derived graphs if they cannot be stored beside their model. Default: .cache/antiphon/graphs in the home folder.',
  )
  @IsOptional()
  @IsString()
  graphsFolder?: string;

  @Variable('Name of this worker on NATS. Random if unset.')
  @IsOptional()
  @Matches(idPattern)
  workerId?: string;

  @Variable(`Profile, a set of settings that trade latency for throughput: ${profileNames.join(', ')}.`)
  @IsIn(profileNames)
  profile: ProfileName = 'balanced';

  @Variable('Number of seats of each lane, and most requests in a batch.')
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(256)
  batchSize?: number;

  @Variable(`How batches form: ${batchingModes.join(', ')}.`)
  @IsOptional()
  @IsIn(batchingModes)
  batching?: BatchingMode;

  @Variable('Time that a step may wait for others to share its batch with BATCHING=always, in milliseconds.')
  @IsOptional()
  @IsNumber()
  @Min(0)
  @Max(10_000)
  batchWaitMs?: number;

  @Variable('TTS: time before the end of the sent audio at which the next window is due, in milliseconds.')
  @IsOptional()
  @IsNumber()
  @Min(0)
  playbackMarginMs?: number;

  @Variable('TTS: time that a new request waits for requests whose audio is about to run out, in milliseconds.')
  @IsOptional()
  @IsNumber()
  @Min(0)
  @Max(10_000)
  startPatienceMs?: number;

  @Variable('STT: new audio between two partial transcripts, in milliseconds.')
  @IsOptional()
  @IsNumber()
  @Min(50)
  partialIntervalMs?: number;

  @Variable(
    'STT: new audio between two partial transcripts, as a share of the utterance so far. The larger of the two holds.',
  )
  @IsOptional()
  @IsNumber()
  @Min(0)
  @Max(10)
  partialGrowth?: number;

  @Variable('STT: speech before the first partial transcript, in milliseconds.')
  @IsOptional()
  @IsNumber()
  @Min(100)
  firstPartialMs?: number;

  @Variable('STT: silence that ends an utterance, in milliseconds.')
  @IsOptional()
  @IsNumber()
  @Min(100)
  @Max(10_000)
  endSilenceMs?: number;

  @Variable('STT: silence after which an utterance is recognised in advance, in case it ends there, in milliseconds.')
  @IsOptional()
  @IsNumber()
  @Min(32)
  @Max(10_000)
  eagerSilenceMs?: number;

  @Variable('STT: silence that is added after the speech for the encoder, in milliseconds.')
  @IsOptional()
  @IsNumber()
  @Min(0)
  @Max(30_000)
  contextPaddingMs?: number;

  @Variable('STT: least audio and silence that the encoder processes, in milliseconds. 30000 is its limit.')
  @IsOptional()
  @IsNumber()
  @Min(0)
  @Max(30_000)
  encoderContextMs?: number;

  @Variable('Engine processes of each lane. If unset, one per core, or one if the profile shares batches.')
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(256)
  engines?: number;

  @Variable('Threads of an engine process. If unset, one, or all cores for a single process.')
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(256)
  engineThreads?: number;

  @Variable('Weights of STT models: int8, float32. Voices are always float32.')
  @IsIn(['int8', 'float32'])
  precision: 'int8' | 'float32' = 'int8';

  @Variable('Execution provider of the models: cpu, cuda.')
  @IsIn(['cpu', 'cuda'])
  executionProvider: 'cpu' | 'cuda' = 'cpu';

  @Variable(
    'Time limit of a call of an engine for each step in it, in milliseconds. The process is killed after it, or sooner if the usual time is known.',
  )
  @IsInt()
  @Min(100)
  @Max(hour)
  stepTimeoutMs = 10_000;

  @Variable('Longest time for an engine to load a model, in milliseconds.')
  @IsInt()
  @Min(1_000)
  @Max(hour)
  loadTimeoutMs = 60_000;

  @Variable('Drain time: how long jobs may go on after SIGTERM before they are handed back, in milliseconds.')
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

/** The profile, with its numbers replaced by those that were set. */
export const tuningFrom = (config: Readonly<InferenceConfig>): Tuning => tuningOf(config.profile, config);
