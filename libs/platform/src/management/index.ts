export * from './health.module';
export * from './management-server';
export * from './management.module';
