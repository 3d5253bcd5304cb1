export * from './append-log';
export * from './memory-append-log';
export * from './nats-append-log';
