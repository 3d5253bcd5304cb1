import type { UsageRecord } from '@app/protocol';

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

interface Sum {
  requests: number;
  characters: number;
  readonly samplesByRateHz: Map<number, number>;
}

/** Adds usage records up. A record whose id was counted already counts as nothing. */
export class UsageTotals {
  private readonly counted = new Set<string>();
  private readonly sums = new Map<string, Sum>();
  private skipped = 0;

  /** False for a duplicate. */
  add({ id, at, keyId, model, kind, characters, audioSamples, sampleRateHz }: UsageRecord): boolean {
    if (this.counted.has(id)) {
      this.skipped++;
      return false;
    }
    this.counted.add(id);
    const sum = this.sumOf([monthOf(at), keyId, model, kind]);
    sum.requests++;
    sum.characters += characters;
    sum.samplesByRateHz.set(sampleRateHz, (sum.samplesByRateHz.get(sampleRateHz) ?? 0) + audioSamples);
    return true;
  }

  /** Records that were counted. */
  get records(): number {
    return this.counted.size;
  }

  /** Records that were not counted, since their id had been. */
  get duplicates(): number {
    return this.skipped;
  }

  /** One row for each month, name and job kind, sorted by them; of one month where it is given. */
  rows(by: UsageGroup, month?: string): UsageRow[] {
    const groups = new Map<string, Sum>();
    for (const [path, sum] of this.sums) {
      const [ofMonth = '', keyId = '', model = '', kind = ''] = partsOf(path);
      if (month !== undefined && ofMonth !== month) continue;
      const group = pathOf([ofMonth, by === 'key' ? keyId : model, kind]);
      groups.set(group, merged(groups.get(group), sum));
    }
    return [...groups].sort(([a], [b]) => (a < b ? -1 : 1)).map(([path, sum]) => rowOf(partsOf(path), sum));
  }

  private sumOf(parts: readonly string[]): Sum {
    const path = pathOf(parts);
    let sum = this.sums.get(path);
    if (!sum) this.sums.set(path, (sum = { requests: 0, characters: 0, samplesByRateHz: new Map() }));
    return sum;
  }
}

/** The month, in UTC, of a time of a usage record: `2026-11`. */
export const monthOf = (at: string): string => at.slice(0, 7);

/** No name of a usage record has a space. */
const pathOf = (parts: readonly string[]): string => parts.join(' ');
const partsOf = (path: string): string[] => path.split(' ');

function merged(one: Sum | undefined, other: Sum): Sum {
  const samplesByRateHz = new Map(one?.samplesByRateHz);
  for (const [rateHz, samples] of other.samplesByRateHz) {
    samplesByRateHz.set(rateHz, (samplesByRateHz.get(rateHz) ?? 0) + samples);
  }
  return {
    requests: (one?.requests ?? 0) + other.requests,
    characters: (one?.characters ?? 0) + other.characters,
    samplesByRateHz,
  };
}

function rowOf([month = '', name = '', kind = '']: readonly string[], sum: Sum): UsageRow {
  const { requests, characters, samplesByRateHz } = sum;
  const audioSeconds = [...samplesByRateHz].reduce((seconds, [rateHz, samples]) => seconds + samples / rateHz, 0);
  return { month, name, kind, requests, characters, audioSeconds };
}
