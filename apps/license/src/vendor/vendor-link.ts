import type { Log } from '@app/platform';
import type { VendorCaller } from '@app/licensing';
import type { VendorMetrics } from '../metrics/vendor-metrics';
import type { VendorClient } from './vendor-client';

/** What the parts that talk to the licence endpoint share. */
export interface VendorLink {
  readonly client: Pick<VendorClient, 'post'>;
  /** Who calls; undefined where no licence is installed. */
  readonly caller: () => VendorCaller | undefined;
  readonly metrics: VendorMetrics;
  readonly log: Log;
  /** Milliseconds of a clock that never goes back. */
  readonly nowMs: () => number;
  /** From 0 to 1. */
  readonly random: () => number;
}

/** A failure that /status shows: of which request, and why. */
export interface SeenFailure {
  /** When it happened, ISO 8601. */
  readonly at: string;
  readonly request: 'check-in' | 'telemetry' | 'audit';
  readonly outcome: string;
  /** The reason, the error code of the endpoint or that of Node. */
  readonly why: string;
}
