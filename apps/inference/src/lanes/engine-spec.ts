import type { JobKind } from '@app/protocol';
import type { EngineSpec } from '../engine/engine.messages';
import type { WorkerSettings } from '../worker-settings';
import type { HeldModel } from './lane-models';

/** What the engine processes of a lane load. */
export function engineSpecOf(
  kind: JobKind,
  models: readonly HeldModel[],
  { config, tuning, engines }: WorkerSettings,
): EngineSpec {
  const { precision, executionProvider, graphsFolder } = config;
  const settings = { threads: engines.threads, precision, executionProvider, graphsFolder };
  switch (kind) {
    case 'tts':
      return {
        kind,
        // Convolutions of a voice gain nothing from int8, and it would lose.
        settings: { ...settings, precision: 'float32' },
        voiceFolders: Object.fromEntries(models.map(({ id, folder }) => [id, folder])),
        preload: models.filter(({ preload }) => preload).map(({ id }) => id),
      };
    case 'stt':
      return {
        kind,
        settings: {
          ...settings,
          modelFolder: models[0]?.folder ?? '',
          options: {
            paddingSeconds: tuning.contextPaddingMs / 1_000,
            contextSeconds: tuning.encoderContextMs / 1_000,
            maxBatch: tuning.batchSize,
          },
        },
      };
    default:
      throw new RangeError(`no engine runs jobs of kind ${String(kind)}`);
  }
}
