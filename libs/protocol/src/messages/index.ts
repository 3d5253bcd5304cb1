export * from './access-token';
export * from './authorization';
export * from './claim';
export * from './envelopes';
export * from './offer';
export * from './presence';
