export { JobClient, maxJobBodyBytes, type JobClientOptions } from './job-client';
export * from './job-contract';
