import type { UsageRecord } from '@app/protocol';
import { RecentIds } from './recent-ids';

/** What a total is over, besides month and job kind. */
export const usageGroups = ['key', 'model'] as const;
export type UsageGroup = (typeof usageGroups)[number];

/** The usage of one key or model in one month (UTC), for one job kind. */
export interface UsageRow {
  /** `2026-11`. */
  readonly month: string;
  /** Key id or model, by the group that was asked for. */
  readonly name: string;
  readonly kind: string;
  readonly requests: number;
  readonly characters: number;
  /** Samples are summed for each sample rate before they become seconds, so that no rounding adds up. */
  readonly audioSeconds: number;
}

/** What is summed: every record with the same five names and numbers before `requests`. All sums are exact. */
export interface UsageSum {
  /** `2026-11`. */
  readonly month: string;
  readonly keyId: string;
  readonly model: string;
  readonly kind: string;
  readonly sampleRateHz: number;
  readonly requests: number;
  readonly characters: number;
  readonly audioSamples: number;
}

/** Adds usage records up. A record whose id was counted already counts as nothing. */
export class UsageTotals {
  private readonly ids: RecentIds;
  private readonly sumsByPath = new Map<string, UsageSum>();
  private counted = 0;
  private skipped = 0;

  /** A copy is recognised among the latest `maxIds` records. By default, among all. */
  constructor(maxIds = Infinity) {
    this.ids = new RecentIds(maxIds);
  }

  /** False for a duplicate. */
  add({ id, at, keyId, model, kind, sampleRateHz, characters, audioSamples }: UsageRecord): boolean {
    if (!this.ids.add(id)) {
      this.skipped++;
      return false;
    }
    this.counted++;
    this.addSum({ month: monthOf(at), keyId, model, kind, sampleRateHz, requests: 1, characters, audioSamples });
    return true;
  }

  /** Adds what was summed before, by another process for example. */
  addSum(sum: UsageSum): void {
    const path = pathOf([sum.month, sum.keyId, sum.model, sum.kind, String(sum.sampleRateHz)]);
    const before = this.sumsByPath.get(path);
    this.sumsByPath.set(path, before ? added(before, sum) : sum);
  }

  /** Takes the id of a record that is in a sum already, so that a copy of it is a duplicate. */
  remember(id: string): void {
    this.ids.add(id);
  }

  /** Drops the sums of earlier months. */
  dropBefore(month: string): void {
    for (const [path, sum] of this.sumsByPath) if (sum.month < month) this.sumsByPath.delete(path);
  }

  /** Records that were counted. */
  get records(): number {
    return this.counted;
  }

  /** Records that were not counted, since their id had been. */
  get duplicates(): number {
    return this.skipped;
  }

  /** Every sum, of one month where it is given. */
  sums(month?: string): UsageSum[] {
    return [...this.sumsByPath.values()].filter((sum) => month === undefined || sum.month === month);
  }

  /** One row for each month, name and job kind, sorted by them; of one month where it is given. */
  rows(by: UsageGroup, month?: string): UsageRow[] {
    const groups = new Map<string, UsageSum[]>();
    for (const sum of this.sums(month)) {
      const group = pathOf([sum.month, by === 'key' ? sum.keyId : sum.model, sum.kind]);
      const sums = groups.get(group) ?? [];
      sums.push(sum);
      groups.set(group, sums);
    }
    return [...groups].sort(([a], [b]) => (a < b ? -1 : 1)).map(([path, sums]) => rowOf(path, sums));
  }
}

/** The month, in UTC, of a time of a usage record: `2026-11`. */
export const monthOf = (at: string): string => at.slice(0, 7);

/** Samples of several sample rates as seconds. */
export const secondsOf = (samplesByRateHz: ReadonlyMap<number, number>): number =>
  [...samplesByRateHz].reduce((seconds, [rateHz, samples]) => seconds + samples / rateHz, 0);

/** No name of a usage record has a space. */
const pathOf = (parts: readonly string[]): string => parts.join(' ');

const added = (one: UsageSum, other: UsageSum): UsageSum => ({
  ...one,
  requests: one.requests + other.requests,
  characters: one.characters + other.characters,
  audioSamples: one.audioSamples + other.audioSamples,
});

function rowOf(path: string, sums: readonly UsageSum[]): UsageRow {
  const [month = '', name = '', kind = ''] = path.split(' ');
  const samplesByRateHz = new Map<number, number>();
  for (const { sampleRateHz, audioSamples } of sums) {
    samplesByRateHz.set(sampleRateHz, (samplesByRateHz.get(sampleRateHz) ?? 0) + audioSamples);
  }
  const requests = sums.reduce((all, sum) => all + sum.requests, 0);
  const characters = sums.reduce((all, sum) => all + sum.characters, 0);
  return { month, name, kind, requests, characters, audioSeconds: secondsOf(samplesByRateHz) };
}
