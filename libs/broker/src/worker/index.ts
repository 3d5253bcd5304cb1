export { LaneRunner, type LaneRunnerOptions } from './lane-runner';
export { JobStrategy, type JobStrategyOptions } from './job-strategy';
export * from './worker-contract';
