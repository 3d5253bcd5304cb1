export * from './memory-broker';
export { MemoryBus, type MemoryMessage, type Relay } from './memory-bus';
