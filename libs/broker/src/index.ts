export * from './broker';
export * from './job-client';
export * from './job-context';
