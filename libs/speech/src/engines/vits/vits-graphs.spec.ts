import { InferenceSession, Tensor } from 'onnxruntime-node';
import { tinyChannels, tinySamplesPerFrame, tinyVoice } from '../../../test/tiny-voice';
import { change, extractGraph, graphOf, replaceNodeByInput, writeModel, type Model } from '../../onnx';
import { cutVits } from './vits-graphs';

const ids = [1, 0, 20, 0, 31, 0, 12, 0, 2];
const random = (count: number): Float32Array =>
  Float32Array.from({ length: count }, (_, index) => Math.sin(index * 9.1));

const feeds = {
  input: new Tensor('int64', BigInt64Array.from(ids, BigInt), [1, ids.length]),
  input_lengths: new Tensor('int64', BigInt64Array.of(BigInt(ids.length)), [1]),
  scales: new Tensor('float32', [0.5, 1, 0.5], [3]),
};
const durationNoise = new Tensor('float32', random(2 * ids.length), [1, 2, ids.length]);

async function run(model: Model, inputs: Record<string, Tensor>): Promise<Record<string, Tensor>> {
  const session = await InferenceSession.create(writeModel(model), { logSeverityLevel: 3 });
  return session.run(inputs);
}

const floats = (tensor: Tensor | undefined): Float32Array => tensor?.data as Float32Array;
const withoutNode = (model: Model, name: string): Model =>
  change(model, { graph: change(graphOf(model), { node: graphOf(model).node.filter((node) => node.name !== name) }) });

describe('cutVits', () => {
  const { text, predictor, flow, decoder, layout } = cutVits(tinyVoice());

  it('reads from the graph how the parts are to be run', () => {
    expect(layout).toEqual({
      channels: tinyChannels,
      samplesPerFrame: tinySamplesPerFrame,
      flowReach: 2,
      flowTrim: 1,
      // conv_pre 3, upsampling 1, residual 2/4, upsampling 1/4, residual 2/16, post 1/16: 4.9
      decoderReach: 5,
      cropRate: 4,
      // After the first stage 1 + 2/4 + 1/4 samples of that stage are left: 1.75
      cropReach: 2,
    });
  });

  it('cuts a voice into parts that equal the whole one after the other', async () => {
    const { scales, ...phonemes } = feeds;
    const parts = await run(text, phonemes);
    const predicted = await run(predictor, { hidden: parts['hidden'] ?? scales, scales, durationNoise });
    const durations = Array.from(floats(predicted['durations']));
    const frames = durations.reduce((sum, count) => sum + count, 0);
    const noise = random(tinyChannels * frames);
    const whole = ['/dp/RandomNormalLike', '/RandomNormalLike'].reduce(
      (model, name) => replaceNodeByInput(model, name, { name: `${name}/given`, type: 'float32' }),
      tinyVoice(),
    );
    const expected = await run(whole, {
      ...feeds,
      '/dp/RandomNormalLike/given': durationNoise,
      '/RandomNormalLike/given': new Tensor('float32', noise, [1, tinyChannels, frames]),
    });

    const idOfFrame = durations.flatMap((count, id) => new Array<number>(count).fill(id));
    const [mean, logScale] = [floats(parts['mean']), floats(parts['logScale'])];
    const noisy = noise.map((value, index) => {
      const cell = Math.floor(index / frames) * ids.length + (idOfFrame[index % frames] ?? 0);
      return (mean[cell] ?? 0) + value * Math.exp(logScale[cell] ?? 0) * 0.5;
    });
    const { latent } = await run(flow, {
      noisy: new Tensor('float32', noisy, [1, tinyChannels, frames]),
      cropStart: new Tensor('int64', [0n], [1]),
      cropEnd: new Tensor('int64', [2n ** 62n], [1]),
    });
    const { audio } = await run(decoder, {
      latent: latent ?? durationNoise,
      cropStart: new Tensor('int64', [0n], [1]),
      cropEnd: new Tensor('int64', [BigInt(frames * layout.cropRate)], [1]),
    });
    const output = floats(expected['output']);
    expect(floats(audio)).toHaveLength(output.length);
    expect(Math.max(...floats(audio).map((value, index) => Math.abs(value - (output[index] ?? NaN))))).toBeLessThan(
      1e-5,
    );
  });

  it('makes frames in the middle from their context alone', async () => {
    const frames = 20;
    const noisy = random(tinyChannels * frames);
    const part = (first: number, last: number): Tensor => {
      const rows = Array.from({ length: tinyChannels }, (_, row) =>
        noisy.subarray(row * frames + first, row * frames + last),
      );
      return new Tensor('float32', Float32Array.from(rows.flatMap((row) => [...row])), [1, tinyChannels, last - first]);
    };
    const clean = async (first: number, last: number, start: bigint, end: bigint): Promise<Float32Array> => {
      const crop = { cropStart: new Tensor('int64', [start], [1]), cropEnd: new Tensor('int64', [end], [1]) };
      return floats((await run(flow, { noisy: part(first, last), ...crop }))['latent']);
    };
    const whole = await clean(0, frames, 0n, 2n ** 62n);
    const middle = await clean(8 - layout.flowReach, 13 + layout.flowReach, 1n, -1n);
    for (let row = 0; row < tinyChannels; row += 1) {
      for (let frame = 8; frame < 13; frame += 1) {
        expect(middle[row * 5 + frame - 8]).toBeCloseTo(whole[row * frames + frame] ?? NaN, 5);
      }
    }
  });

  it.each([
    ['/dec/conv_pre/Conv', 'node "/dec/conv_pre/Conv" not found'],
    ['/RandomNormalLike', 'noise named'],
    ['/dp/RandomNormalLike', 'noise named'],
    ['/dp/pre/Conv', 'node "/dp/pre/Conv" not found'],
    ['Ceil_0', 'rounding of durations not found'],
  ])('refuses a graph without %s', (name, message) => {
    expect(() => cutVits(withoutNode(tinyVoice(), name))).toThrow(message);
  });

  it('refuses a graph that is no voice', () => {
    const other = extractGraph(tinyVoice(), { inputs: [], outputs: [{ tensor: 'Ceil_0', type: 'float32' }] });
    expect(() => cutVits(other)).toThrow('the model is not a supported Piper voice');
  });
});
