/**
 * By default ONNX Runtime sends telemetry to its maker. This variable disables it and must be set before ONNX Runtime
 * loads.
 */
process.env.ORT_DISABLE_TELEMETRY = '1';

export {};
