export * from './api-key';
export * from './audit';
export * from './canonical-json';
export * from './license-document';
export * from './license-signature';
export * from './license-state';
export * from './usage';
