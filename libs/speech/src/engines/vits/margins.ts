import { change, create, graphOf, tensor, valueInfo, type Graph, type Model, type Node } from '../../onnx';
import { SpeechError } from '../../speech-error';
import { receptiveField } from './receptive-field';

const axes = 'margin_axes';

/** A decoder that drops what no audio needs, where a frame has `rate` samples; `reach` of them are needed on each side. */
export interface CroppedDecoder {
  readonly model: Model;
  readonly rate: number;
  readonly reach: number;
}

/**
 * Nine tenths of a decoder's context is used up before its second upsampling, and four fifths of its work come after it. So there
 * the margins are cropped to what the rest needs: positions [cropStart, cropEnd) of the value go on.
 */
export function cropDecoder(decoder: Model): CroppedDecoder {
  const second = graphOf(decoder).node.filter(({ opType }) => opType === 'ConvTranspose')[1];
  if (!second) throw new SpeechError('the decoder of the voice has fewer than two upsamplings');
  const [source = '', ...weights] = second.input;
  const slice = sliceFrames('crop', source, 'cropped');
  return {
    model: insertSlices(decoder, (node) =>
      node === second ? [slice, change(node, { input: ['cropped', ...weights] })] : [node],
    ),
    rate: receptiveField(decoder, 'latent', source).scale,
    reach: Math.ceil(receptiveField(decoder, source, 'audio').reach),
  };
}

/** A flow of `couplings` steps that each drop `reach` frames. */
export interface TrimmedFlow {
  readonly model: Model;
  readonly couplings: number;
  readonly reach: number;
}

/**
 * Each coupling of a flow needs a few frames on each side more than it gives. After each, frames [cropStart, cropEnd) go on, where a
 * negative end counts from the end: so the margin shrinks from step to step and is gone at the end.
 */
export function trimFlow(flow: Model): TrimmedFlow {
  const graph = graphOf(flow);
  const results = graph.node.filter(({ name }) => /^\/flow\/flows\.\d+\/Concat$/.test(name));
  const reaches = results.map((node, index) => {
    const source = results[index - 1]?.output[0] ?? 'noisy';
    return Math.ceil(receptiveField(flow, source, node.output[0] ?? '').reach);
  });
  const reach = reaches[0];
  if (reach === undefined || reaches.some((other) => other !== reach)) {
    throw new SpeechError('the flow of the voice does not consist of equal couplings');
  }
  const model = insertSlices(flow, (node) => {
    if (!results.includes(node)) return [node];
    const [result = ''] = node.output;
    const whole = `${result}/whole`;
    return [change(node, { output: [whole] }), sliceFrames(`${node.name}/trim`, whole, result)];
  });
  return { model, couplings: results.length, reach };
}

function sliceFrames(name: string, source: string, result: string): Node {
  const input = [source, 'cropStart', 'cropEnd', axes];
  return create('NodeProto', { opType: 'Slice', name, input, output: [result] });
}

/** Rewrites nodes; `cropStart` and `cropEnd` become inputs of the model. */
function insertSlices(model: Model, rewrite: (node: Node) => Node[]): Model {
  const graph = graphOf(model);
  const part: Graph = change(graph, {
    node: graph.node.flatMap(rewrite),
    initializer: [...graph.initializer, tensor(axes, 'int64', [1], BigInt64Array.of(2n))],
    input: [...graph.input, valueInfo('cropStart', 'int64', [1]), valueInfo('cropEnd', 'int64', [1])],
    // Lengths between the nodes are no longer what the file says.
    valueInfo: [],
  });
  return change(model, { graph: part });
}
