/** ONNX Runtime reports what it loads and runs to its maker, unless it is told not to before it starts. */
process.env.ORT_DISABLE_TELEMETRY = '1';

export {};
