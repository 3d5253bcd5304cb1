export * from './nats-broker';
