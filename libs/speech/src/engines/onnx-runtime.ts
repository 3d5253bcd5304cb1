// This import must be the first: ONNX Runtime reads the variable once, when it is loaded.
import './onnx-runtime.config';

/** ONNX Runtime without telemetry. All code of this repository imports it from here. */
export { InferenceSession, Tensor } from 'onnxruntime-node';
