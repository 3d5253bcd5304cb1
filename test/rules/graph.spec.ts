import { join } from 'node:path';
import { defaultLanes, loadManifest } from '@app/artifacts';
import { drawingOf, mermaidOf } from '../../tools/graph/drawing';
import { generatedFiles, staleOf } from '../../tools/graph/generated';

const root = join(__dirname, '../..');
const lanes = defaultLanes(loadManifest());

it('finds every file that is made from the function graph as the graph has it; npm run graph -- --write makes them', async () => {
  const files = await generatedFiles(root, lanes);
  expect(files.length).toBeGreaterThan(0);
  expect(staleOf(root, files).map(({ path }) => path)).toEqual([]);
});

it('draws every lane with its worker', () => {
  const picture = mermaidOf(drawingOf(lanes));
  for (const { kind, model } of lanes) expect(picture).toContain(`${kind}.${model}`);
  expect(picture).toContain('tts-piper -- "pulled; KEDA scales on lag" --> worker-tts-piper');
});

it('draws a function that is dispatched by request as a call of the inference service', () => {
  const picture = mermaidOf(drawingOf(lanes, () => 'request'));
  expect(picture).toContain('gateway -- "POST tts.piper, 8 seats, GPU" --> inference');
  expect(picture).not.toContain('worker-tts-piper');
});
