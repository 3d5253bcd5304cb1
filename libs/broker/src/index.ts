export * from './broker';
export * from './client';
export * from './job-context';
export * from './key-value';
export * from './memory';
export * from './nats';
export * from './presence';
export * from './worker';
