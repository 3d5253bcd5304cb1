import { namePrefix } from './product';

const log = (name: string) => ({ stream: `${namePrefix}-${name}`, subject: `${namePrefix}.log.${name}` });

/** JetStream stream and subject of each append-only log. */
export const logs = {
  /** A `UsageRecord` for each terminal event, with its id as message id. */
  usage: log('usage'),
  /** The hash chain of audit records. */
  audit: log('audit'),
} as const;
