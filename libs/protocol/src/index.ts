import 'reflect-metadata';
export * from './dispatch';
export * from './frame';
export * from './functions';
export type {
  Dispatch,
  FunctionEngine,
  FunctionRow,
  InputOf,
  JobClass,
  OutputOf,
  ResultOf,
} from './functions/function-row';
export * from './graph';
export * from './jobs';
export * from './lane';
export * from './logs';
export * from './messages';
export * from './problems';
export * from './product';
export * from './subjects';
export * from './usage-record';
export * from './validation';
