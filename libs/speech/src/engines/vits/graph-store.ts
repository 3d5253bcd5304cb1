import { readFile } from 'node:fs/promises';
import { readModel, writeModel } from '../../onnx';
import { GraphCache } from '../graph-cache';
import { cutVits, type VitsLayout } from './vits-graphs';

/** Increase this whenever the cut graphs change. */
const cutterVersion = 4;

/** The parts of a voice as files that ONNX Runtime loads by path. */
export interface StoredGraphs {
  readonly text: string;
  readonly predictor: string;
  readonly flow: string;
  readonly decoder: string;
  readonly layout: VitsLayout;
}

/** The cut graphs of a voice, stored in the `GraphCache`. Throws a SpeechError if the file is not a voice. */
export async function storedGraphs(voicePath: string, graphsFolder?: string): Promise<StoredGraphs> {
  const cache = await GraphCache.of(voicePath, graphsFolder);
  const kept = await cache.keep({ label: 'cut', version: cutterVersion }, async () => {
    const { layout, ...parts } = cutVits(readModel(await readFile(voicePath)));
    return {
      'text.onnx': writeModel(parts.text),
      'predictor.onnx': writeModel(parts.predictor),
      'flow.onnx': writeModel(parts.flow),
      'decoder.onnx': writeModel(parts.decoder),
      'layout.json': Buffer.from(JSON.stringify(layout)),
    };
  });
  const pathOf = (name: string): string => kept[name] ?? '';
  return {
    text: pathOf('text.onnx'),
    predictor: pathOf('predictor.onnx'),
    flow: pathOf('flow.onnx'),
    decoder: pathOf('decoder.onnx'),
    layout: JSON.parse(await readFile(pathOf('layout.json'), 'utf8')) as VitsLayout,
  };
}
