export * from './usage-text';
export * from './usage-totals';
