export * from './key-value-store';
export * from './memory-key-value';
export * from './nats-key-value';
