export { stageBucketsSeconds } from './buckets';
export { ErrorMetrics } from './error-metrics';
export * from './gateway-metrics';
export * from './license-metrics';
export { measureStart } from './readiness-metrics';
