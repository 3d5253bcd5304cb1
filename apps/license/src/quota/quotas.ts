import type { ApiKeyRecord, License } from '@app/licensing';
import { ProblemError, type Feature } from '@app/protocol';
import type { MonthlyUsage } from './monthly-usage';
import { monthAt, nextMonthMs } from './months';

/** Which limit a feature uses up, where it uses one up. */
const limits: Partial<Record<Feature, Limit>> = {
  tts: { field: 'monthlyCharacters', used: 'characters', unit: 'characters of text' },
  stt: { field: 'monthlyAudioSeconds', used: 'audioSeconds', unit: 'seconds of audio' },
};

interface Limit {
  readonly field: 'monthlyCharacters' | 'monthlyAudioSeconds';
  readonly used: 'characters' | 'audioSeconds';
  readonly unit: string;
}

/** The monthly limits of keys and of the licence. */
export class Quotas {
  constructor(private readonly usage: Pick<MonthlyUsage, 'used'>) {}

  /**
   * Throws `quota_exceeded` if the key has used up its limit of the month (UTC) of `nowMs`, and `license_quota_exceeded` if all
   * keys together have used up that of the licence. The usage must be known where there is a limit: `license_unavailable`.
   */
  assertLeft(feature: Feature, key: ApiKeyRecord, license: License, nowMs: number): void {
    const limit = limits[feature];
    if (!limit) return;
    const ofKey = key[limit.field];
    if (ofKey !== undefined) {
      const used = this.usage.used(nowMs, key.id)[limit.used];
      if (used >= ofKey) throw usedUp('quota_exceeded', sentence('This API key has', used, ofKey, limit), nowMs);
    }
    const ofLicense = license.limits[limit.field];
    if (ofLicense === undefined) return;
    const used = this.usage.used(nowMs)[limit.used];
    if (used < ofLicense) return;
    const who = 'All API keys of this deployment together have';
    throw usedUp('license_quota_exceeded', sentence(who, used, ofLicense, limit), nowMs);
  }
}

const sentence = (who: string, used: number, limit: number, { unit }: Limit): string =>
  `${who} used ${rounded(used)} of ${limit} ${unit}`;

function usedUp(code: 'quota_exceeded' | 'license_quota_exceeded', what: string, nowMs: number): ProblemError {
  const resetMs = nextMonthMs(nowMs);
  const detail = `${what} for ${monthAt(nowMs)}. The limit resets at ${new Date(resetMs).toISOString()}.`;
  return new ProblemError(code, { detail, retryAfterSeconds: (resetMs - nowMs) / 1_000 });
}

/** Milliseconds are enough to read. */
const rounded = (used: number): string => String(Math.floor(used * 1_000) / 1_000);
