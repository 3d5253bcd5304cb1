import type { AppendLog, KeyValueStore } from '@app/broker';
import { vendorProtocol, type Lease, type ServiceState, type VendorCaller } from '@app/licensing';
import type { Log } from '@app/platform';
import type { VendorMetrics } from '../metrics/vendor-metrics';
import { AuditForwarder } from './audit-forwarder';
import { CheckIns } from './check-ins';
import { Telemetry, type RowsOfMonth } from './telemetry';
import type { VendorClient } from './vendor-client';
import type { SeenFailure, VendorLink } from './vendor-link';

/** Between two looks at what is due. */
const tickMs = 1_000;

/** What connected mode needs of the rest of the license app. */
export interface VendorParts {
  readonly client: VendorClient;
  readonly deployment: string | undefined;
  /** The licence in force as a compact JWS; undefined where none is installed. */
  readonly licenseText: () => string | undefined;
  /** Verifies a lease and puts it in force unless a newer one is; rejects with why it cannot be used, and changes nothing then. */
  readonly takeLease: (text: string) => Promise<Lease>;
  readonly lease: () => Lease | undefined;
  readonly state: () => ServiceState['state'];
  /** The time that counts, in milliseconds since 1970. */
  readonly timeMs: () => number;
  readonly rows: RowsOfMonth;
  readonly auditLog: AppendLog;
  /** Bucket of the acknowledgement, which the replicas share. */
  readonly store: KeyValueStore;
  readonly auditKeyId?: () => string | undefined;
  readonly log: Log;
  /** A clock that never goes back, in milliseconds. */
  readonly nowMs?: () => number;
  /** From 0 to 1. */
  readonly random?: () => number;
}

/** What `GET /status` says of connected mode. Dates are ISO 8601. */
export interface VendorStatus {
  /** Host of the licence endpoint. */
  readonly endpoint: string;
  /** When the newest lease was issued. */
  readonly lastContact: string | undefined;
  /** undefined while a check-in is under way. */
  readonly nextCheckIn: string | undefined;
  /** The newest failure that no success followed. */
  readonly lastFailure: SeenFailure | undefined;
  /** Number of the last audit record that the endpoint acknowledged. */
  readonly forwardedUpTo: number | undefined;
}

interface Running {
  readonly checkIns: CheckIns;
  readonly telemetry: Telemetry;
  readonly forwarder: AuditForwarder;
  readonly timer: NodeJS.Timeout;
}

/** The connection of this license app to the licence endpoint, in connected mode. Nothing waits for it. */
export class Vendor {
  private running: Running | undefined;
  private readonly nowMs: () => number;

  constructor(private readonly parts: VendorParts) {
    this.nowMs = parts.nowMs ?? (() => performance.now());
  }

  /** Checks in, reports and forwards from now on. Returns at once. */
  start(metrics: VendorMetrics): void {
    const { parts, nowMs } = this;
    const { client, log, random = Math.random } = parts;
    const link: VendorLink = { client, caller: () => this.caller(), metrics, log, nowMs, random };
    const telemetry = new Telemetry(link, parts.rows, parts.timeMs);
    const checkIns = new CheckIns(link, { ...parts, onLease: () => telemetry.soon() });
    const forwarder = new AuditForwarder(link, parts.auditLog, parts.store);
    const startedMs = nowMs();
    const tick = (): void => {
      for (const part of [checkIns, telemetry, forwarder]) void this.ticked(part);
      const { iat } = parts.lease() ?? {};
      metrics.contact(Math.max(0, iat === undefined ? nowMs() - startedMs : parts.timeMs() - iat * 1_000));
    };
    this.running = { checkIns, telemetry, forwarder, timer: setInterval(tick, tickMs) };
    tick();
  }

  /** Number (`seq`) of the last audit record that the endpoint has. What is newer may not be dropped. */
  async acknowledged(): Promise<number> {
    return (await this.running?.forwarder.acknowledged()) ?? 0;
  }

  status(): VendorStatus {
    const { running, parts } = this;
    const dueMs = running?.checkIns.dueMs;
    const { iat } = parts.lease() ?? {};
    const failures = [running?.checkIns, running?.telemetry, running?.forwarder].flatMap((part) => part?.failure ?? []);
    return {
      endpoint: parts.client.host,
      lastContact: iat === undefined ? undefined : new Date(iat * 1_000).toISOString(),
      nextCheckIn: dueMs === undefined ? undefined : new Date(Date.now() + dueMs - this.nowMs()).toISOString(),
      lastFailure: failures.sort((a, b) => b.at.localeCompare(a.at))[0],
      forwardedUpTo: running?.forwarder.forwardedUpTo,
    };
  }

  /** Aborts what is under way. */
  async stop(): Promise<void> {
    clearInterval(this.running?.timer);
    await this.parts.client.close();
  }

  private caller(): VendorCaller | undefined {
    const { licenseText, deployment } = this.parts;
    const license = licenseText();
    if (license === undefined) return undefined;
    const at = new Date(this.parts.timeMs()).toISOString();
    return { protocol: vendorProtocol, license, ...(deployment === undefined ? {} : { deployment }), at };
  }

  private async ticked(part: { tick(): Promise<void> }): Promise<void> {
    try {
      await part.tick();
    } catch (error) {
      this.parts.log.error('connected mode failed', { err: error });
    }
  }
}
