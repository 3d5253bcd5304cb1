import { randomUUID } from 'node:crypto';
import type { UsageOutcome, UsageRecord } from '@app/protocol';
import { sttSampleRateHz } from '@app/speech/audio';

/** What a piece of work used. */
export type Use = Pick<UsageRecord, 'voice' | 'characters' | 'audioSamples' | 'sampleRateHz'>;

/** The use of work that ended before it had text or audio. */
export const noUse: Use = { characters: 0, audioSamples: 0, sampleRateHz: sttSampleRateHz };

/** The facts of a piece of work besides its use. */
export interface EndedWork {
  readonly requestId: string;
  readonly keyId: string;
  readonly kind: string;
  readonly model: string;
  readonly outcome: UsageOutcome;
}

/** The usage record of work that ends now. Its id is new: a client may send the same request id twice. */
export const usageRecord = (ended: EndedWork, use: Use): UsageRecord => ({
  id: randomUUID(),
  at: new Date().toISOString(),
  ...ended,
  ...use,
});
