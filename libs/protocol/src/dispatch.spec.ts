import { dispatchesOf } from './dispatch';
import { functionGraph } from './graph';

describe('dispatchesOf', () => {
  it('is the graph where nothing is said', () => {
    expect([...dispatchesOf()]).toEqual(functionGraph.map(({ kind, dispatch }) => [kind, dispatch]));
  });

  it('lets entries stand in the place of the graph, the last one of a kind', () => {
    const dispatches = dispatchesOf(['tts=queue', 'stt=request', 'tts=request']);
    expect([dispatches.get('tts'), dispatches.get('stt')]).toEqual(['request', 'request']);
  });

  it.each(['tts', 'tts=', 'tts=push', 'dance=queue', 'tts=queue=request', '=queue'])('refuses "%s"', (entry) => {
    expect(() => dispatchesOf([entry])).toThrow(/KIND=queue or KIND=request/);
  });
});
