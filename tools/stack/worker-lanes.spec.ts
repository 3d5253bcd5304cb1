import { loadManifest } from '@app/artifacts';
import { dispatchesOf, functionGraph } from '@app/protocol';
import { planInference } from './worker-lanes';

const manifest = loadManifest();
/** Functions that need no model share one worker, where there are any. */
const builtin = functionGraph.some(({ models, dispatch }) => models === 'builtin' && dispatch === 'queue')
  ? ['builtin-1']
  : [];

describe('planInference', () => {
  it('gives each kind with models as many workers as asked for', () => {
    const { workers, served } = planInference(manifest, dispatchesOf(['tts=queue', 'stt=queue']), 2);
    expect(workers.map(({ name }) => name)).toEqual(['tts-1', 'tts-2', 'stt-1', 'stt-2', ...builtin]);
    expect(workers[0]?.lanes).toBe('tts.piper');
    expect(workers[2]?.lanes).toBe('stt.whisper-tiny-en');
    expect(served ?? '').not.toMatch(/tts|stt/);
  });

  it('gives the lanes of request-dispatched functions to the one that serves requests, and to no worker', () => {
    const { workers, served } = planInference(manifest, dispatchesOf(['tts=request', 'stt=queue']), 1);
    expect(workers.map(({ name }) => name)).toEqual(['stt-1', ...builtin]);
    expect(served).toContain('tts.piper');
    expect(served).not.toContain('stt');
  });
});
