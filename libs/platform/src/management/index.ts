export * from './management-server';
export * from './management.module';
