import { functionGraph, parseLane, speechActivityFunction, sttFunction } from '@app/protocol';
import { loadConfig } from '@app/platform';
import { engineNames } from '@app/speech/engines';
import { silentLog } from '../../../../test/support/job-context';
import { EnginePool } from '../engine/engine-pool';
import { InferenceConfig } from '../inference.config';
import type { InferenceMetrics } from '../metrics/inference-metrics';
import { WorkerSettings } from '../worker-settings';
import { LaneEngines } from './lane-engines';

// The models themselves are not needed: no engine is started.
jest.mock('./lane-models', () => ({ heldModels: () => Promise.resolve([]) }));

it('finds an engine for every name that a row of the function graph says', () => {
  const wanted = functionGraph.flatMap(({ engine }) => (engine ? [engine.name, ...(engine.includes ?? [])] : []));
  expect(engineNames).toEqual(expect.arrayContaining(wanted));
});

describe('LaneEngines', () => {
  const start = jest.spyOn(EnginePool.prototype, 'start');
  let engines: LaneEngines;

  beforeEach(() => {
    start.mockReset().mockResolvedValue();
    engines = new LaneEngines(new WorkerSettings(loadConfig(InferenceConfig, {})), {} as InferenceMetrics, silentLog());
  });
  afterAll(() => jest.restoreAllMocks());

  it('run the steps of a lane in the engine of another that includes its own, whatever their order', async () => {
    await engines.start(['speech-activity.builtin', 'stt.whisper-tiny-en'].map(parseLane));
    expect(start).toHaveBeenCalledTimes(1);
    expect(engines.of(speechActivityFunction, 'builtin')).toBe(engines.of(sttFunction, 'whisper-tiny-en'));
  });

  it('start an engine for a lane that is served alone', async () => {
    await engines.start(['speech-activity.builtin', 'tts.piper'].map(parseLane));
    expect(start).toHaveBeenCalledTimes(2);
    expect(engines.of(speechActivityFunction, 'builtin')).toBeInstanceOf(EnginePool);
  });

  it('say which model is not served', () => {
    expect(() => engines.of(sttFunction, 'whisper-base')).toThrow(/does not serve the model/);
  });
});
