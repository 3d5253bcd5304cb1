export * from './api-key';
export * from './canonical-json';
export * from './key-state';
export * from './license-document';
export * from './license-signature';
export * from './license-state';
