import { InferenceSession, Tensor } from '../onnx-runtime';
import { SpeechError } from '../../speech-error';
import { sttSampleRateHz } from '../../audio';
import { detectorFrameSamples, type DetectStep } from '../stt-engine';
import { defaultEndpointerOptions } from './endpointer';

/** The detector's input begins with this many samples of the previous frame. */
const contextSamples = 64;
const windowSamples = contextSamples + detectorFrameSamples;
const stateLayers = 2;
const stateWidth = 128;
const { startThreshold, minSpeechMs } = defaultEndpointerOptions;
/** Whole frames in the shortest speech. */
const leastSpeechFrames = Math.floor((minSpeechMs * sttSampleRateHz) / 1_000 / detectorFrameSamples);

/** The state of one STT stream. */
interface StreamState {
  /** The last samples of the previous frame, then the samples that do not fill a frame yet. */
  pending: Float32Array;
  /** [layers, width] */
  recurrent: Float32Array;
}

/** The next samples of a stream: mono, -1 to 1, 16 kHz. */
type StreamSamples = Pick<DetectStep, 'id' | 'samples'>;

/** Silero VAD: the speech probability of each 32 ms of an STT stream. Many streams share one run. */
export class SpeechDetector {
  private readonly streams = new Map<string, StreamState>();
  private counter = 0;

  private constructor(private readonly session: InferenceSession) {}

  static async load(sessionOptions: InferenceSession.SessionOptions = {}): Promise<SpeechDetector> {
    const path = require.resolve('@ricky0123/vad-web/dist/silero_vad_v6.onnx');
    return new SpeechDetector(await InferenceSession.create(path, sessionOptions));
  }

  /**
   * Feeds each stream its next samples. Returns the probabilities of the frames that are now complete, in the order of
   * the steps.
   */
  async detect(steps: readonly StreamSamples[]): Promise<number[][]> {
    const ids = new Set(steps.map((step) => step.id));
    if (ids.size < steps.length) throw new SpeechError('an STT stream may be in a batch of the detector only once');
    const states = steps.map((step) => this.append(step));
    const answers = steps.map((): number[] => []);
    for (;;) {
      const due = [...states.keys()].filter((index) => states[index]!.pending.length >= windowSamples);
      if (due.length === 0) return answers;
      const probabilities = await this.run(due.map((index) => states[index]!));
      due.forEach((index, row) => answers[index]!.push(probabilities[row]!));
    }
  }

  /** Whether a recording contains the shortest speech, as far as whole frames can tell. A click does not count. */
  async hasSpeech(samples: Float32Array): Promise<boolean> {
    const id = `alone-${(this.counter += 1)}`;
    const [probabilities = []] = await this.detect([{ id, samples }]);
    this.release(id);
    return probabilities.filter((probability) => probability >= startThreshold).length >= leastSpeechFrames;
  }

  /** Forgets a stream; unknown ones are ignored. */
  release(id: string): void {
    this.streams.delete(id);
  }

  close(): Promise<void> {
    return this.session.release();
  }

  private append({ id, samples }: StreamSamples): StreamState {
    const state = this.streams.get(id) ?? {
      pending: new Float32Array(contextSamples),
      recurrent: new Float32Array(stateLayers * stateWidth),
    };
    this.streams.set(id, state);
    const pending = new Float32Array(state.pending.length + samples.length);
    pending.set(state.pending);
    pending.set(samples, state.pending.length);
    state.pending = pending;
    return state;
  }

  /** One frame of each stream. */
  private async run(states: readonly StreamState[]): Promise<Float32Array> {
    const rows = states.length;
    const input = new Float32Array(rows * windowSamples);
    const recurrent = new Float32Array(stateLayers * rows * stateWidth);
    states.forEach((state, row) => {
      input.set(state.pending.subarray(0, windowSamples), row * windowSamples);
      for (let layer = 0; layer < stateLayers; layer += 1) {
        const part = state.recurrent.subarray(layer * stateWidth, (layer + 1) * stateWidth);
        recurrent.set(part, (layer * rows + row) * stateWidth);
      }
    });
    const result = await this.session.run({
      input: new Tensor('float32', input, [rows, windowSamples]),
      state: new Tensor('float32', recurrent, [stateLayers, rows, stateWidth]),
      sr: new Tensor('int64', BigInt64Array.of(BigInt(sttSampleRateHz)), []),
    });
    const next = result['stateN']?.data as Float32Array;
    states.forEach((state, row) => {
      state.pending = state.pending.subarray(detectorFrameSamples);
      for (let layer = 0; layer < stateLayers; layer += 1) {
        const start = (layer * rows + row) * stateWidth;
        state.recurrent.set(next.subarray(start, start + stateWidth), layer * stateWidth);
      }
    });
    return result['output']?.data as Float32Array;
  }
}
