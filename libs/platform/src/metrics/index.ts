export * from './buckets';
export { ErrorMetrics } from './error-metrics';
export * from './inference-metrics';
export * from './license-metrics';
export { measureStart } from './readiness-metrics';
