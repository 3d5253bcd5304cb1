import { loadManifest } from '@app/artifacts';
import { dispatchesOf, functionGraph } from '@app/protocol';
import { planInference } from './worker-lanes';

const manifest = loadManifest();
/** Functions without an engine share one worker, where there are any. */
const builtin = functionGraph.some(({ engine, dispatch }) => !engine && dispatch === 'queue') ? ['builtin-1'] : [];
const speechActivity = 'speech-activity.builtin';

describe('planInference', () => {
  it('gives each kind with models as many workers as asked for', () => {
    const { workers, served } = planInference(manifest, dispatchesOf(['tts=queue', 'stt=queue']), 2);
    expect(workers.map(({ name }) => name)).toEqual(['tts-1', 'tts-2', 'stt-1', 'stt-2', ...builtin]);
    expect(workers[0]?.lanes).toBe('tts.piper');
    expect(served ?? '').not.toMatch(/tts|stt/);
  });

  it('lets the workers of a function serve another whose steps their engines run anyway', () => {
    const { workers } = planInference(manifest, dispatchesOf(['stt=queue', 'speech-activity=queue']), 2);
    expect(workers.find(({ name }) => name === 'stt-2')?.lanes).toBe(`stt.whisper-tiny-en,${speechActivity}`);
  });

  it('gives such a function a worker when no other worker runs its steps', () => {
    const { workers, served } = planInference(manifest, dispatchesOf(['stt=request', 'speech-activity=queue']), 1);
    expect(workers.find(({ name }) => name === 'builtin-1')?.lanes).toContain(speechActivity);
    expect(served).not.toContain(speechActivity);
  });

  it('gives the lanes of request-dispatched functions to the one that serves requests, and to no worker', () => {
    const { workers, served } = planInference(manifest, dispatchesOf(['tts=request', 'stt=queue']), 1);
    expect(workers.map(({ name }) => name)).toEqual(['stt-1', ...builtin]);
    expect(served).toContain('tts.piper');
    expect(served).not.toContain('stt');
  });
});
