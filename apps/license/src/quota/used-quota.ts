import { secondsOf, type UsageSum } from '@app/licensing';

/** What was used of the limits of one month. */
export interface Used {
  /** Characters of text that were spoken. */
  readonly characters: number;
  /** Seconds of audio that were recognised. */
  readonly audioSeconds: number;
}

interface Sum {
  characters: number;
  readonly samplesByRateHz: Map<number, number>;
}

/** The sums that are compared with limits: for each month, of each key and of all keys. A look-up is as fast for many keys as for one. */
export class UsedQuota {
  private readonly sums = new Map<string, Sum>();

  /** TTS uses characters, STT uses audio. Other kinds have no limits. */
  add({ month, keyId, kind, characters, audioSamples, sampleRateHz }: UsageSum): void {
    for (const sum of [this.sumOf(pathOf(month, keyId)), this.sumOf(pathOf(month))]) {
      if (kind === 'tts') sum.characters += characters;
      if (kind !== 'stt') continue;
      sum.samplesByRateHz.set(sampleRateHz, (sum.samplesByRateHz.get(sampleRateHz) ?? 0) + audioSamples);
    }
  }

  /** Of a key, or of all keys together. */
  of(month: string, keyId?: string): Used {
    const sum = this.sums.get(pathOf(month, keyId));
    return { characters: sum?.characters ?? 0, audioSeconds: sum ? secondsOf(sum.samplesByRateHz) : 0 };
  }

  private sumOf(path: string): Sum {
    let sum = this.sums.get(path);
    if (!sum) this.sums.set(path, (sum = { characters: 0, samplesByRateHz: new Map() }));
    return sum;
  }
}

/** No id of a key has a space. */
const pathOf = (month: string, keyId = ''): string => `${month} ${keyId}`;
