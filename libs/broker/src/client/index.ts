export { JobClient, type JobClientOptions } from './job-client';
export * from './job-contract';
export * from './job-result';
