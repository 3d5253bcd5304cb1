import { vendorProtocol, type VendorCaller } from '@app/licensing';
import { Log } from '@app/platform';
import type { VendorMetrics } from '../../src/metrics/vendor-metrics';
import type { VendorOutcome } from '../../src/vendor/vendor-outcome';
import type { VendorLink } from '../../src/vendor/vendor-link';

/** A link to an endpoint that is a function, with a clock that the test moves. */
export class FakeLink implements VendorLink {
  clockMs = 0;
  chance = 0.5;
  license: string | undefined = 'the-license';
  readonly sent: { path: string; request: Record<string, unknown> }[] = [];
  readonly lines: Record<string, unknown>[] = [];
  /** `NAME OUTCOME` of everything that was measured. */
  readonly measured: string[] = [];
  readonly log = Log.create('license', 'info', {
    write: (line) => void this.lines.push(JSON.parse(line) as Record<string, unknown>),
  });
  readonly metrics = {
    checkedIn: (outcome: string) => this.measured.push(`check-in ${outcome}`),
    reported: (outcome: string) => this.measured.push(`report ${outcome}`),
    forwarded: (outcome: string) => this.measured.push(`forward ${outcome}`),
    waiting: (records: number) => this.measured.push(`waiting ${records}`),
    contact: () => undefined,
  } as unknown as VendorMetrics;
  readonly client: VendorLink['client'] = {
    post: async <T extends object>(path: string, request: object): Promise<VendorOutcome<T>> => {
      this.sent.push({ path, request: JSON.parse(JSON.stringify(request)) as Record<string, unknown> });
      return (await this.reply(path, request)) as VendorOutcome<T>;
    },
  };

  constructor(
    public reply: (path: string, request: object) => VendorOutcome<object> | Promise<VendorOutcome<object>>,
  ) {}

  readonly caller = (): VendorCaller | undefined => {
    const at = new Date(Date.UTC(2026, 4, 1)).toISOString();
    return this.license === undefined ? undefined : { protocol: vendorProtocol, license: this.license, at };
  };
  readonly nowMs = (): number => this.clockMs;
  readonly random = (): number => this.chance;
}

/** An outage of the endpoint. */
export const outage: VendorOutcome<never> = { outcome: 'unreachable', reason: 'connection', detail: 'ECONNREFUSED' };
