export { authorizeBucketsSeconds, stageBucketsSeconds } from './buckets';
export { ErrorMetrics } from './error-metrics';
export { measureStart } from './readiness-metrics';
