export * from './lane-definition';
export * from './nats-broker';
