export * from './api-key';
export * from './assert-licensed';
export * from './forecast';
export * from './issuer-keys';
export * from './lease-document';
export * from './license-document';
export * from './service-state';
export * from './signed-document';
