import { ttsFunction, sttFunction, speechActivityFunction } from './functions';
import { functionGraph, functionOf, sortedGraph } from './graph';

describe('the function graph', () => {
  it('has every row once, sorted by kind', () => {
    const kinds = functionGraph.map(({ kind }) => kind);
    expect(kinds).toEqual([...new Set(kinds)].sort());
    expect(functionGraph).toEqual(expect.arrayContaining([speechActivityFunction, sttFunction, ttsFunction]));
    for (const row of functionGraph) expect(functionOf(row.kind)).toBe(row);
  });

  it('refuses two rows of one kind', () => {
    expect(() => sortedGraph([ttsFunction, { ...sttFunction, kind: 'tts' }])).toThrow('the same kind');
  });

  it('refuses a row with models of the manifest and no engine that runs them', () => {
    expect(() => sortedGraph([{ ...ttsFunction, engine: undefined }])).toThrow('tts takes models of the manifest');
  });
});
