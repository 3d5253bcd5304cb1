// First: what follows reads it once, when it is loaded.
import './onnx-runtime.config';

/** ONNX Runtime as we use it: without its telemetry. Nothing else of ours loads it. */
export { InferenceSession, Tensor } from 'onnxruntime-node';
