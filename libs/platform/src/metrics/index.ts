export { ErrorMetrics } from './error-metrics';
export * from './gateway-metrics';
export * from './inference-metrics';
export { authorizeBucketsSeconds } from './buckets';
export { measureStart } from './readiness-metrics';
