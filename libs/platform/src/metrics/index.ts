export * from './buckets';
export { ErrorMetrics } from './error-metrics';
export * from './inference-metrics';
export { authorizeBucketsSeconds } from './buckets';
export { measureStart } from './readiness-metrics';
