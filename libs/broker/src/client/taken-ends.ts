import type { OutputEnvelope } from '@app/protocol';

/** Longer than a worker repeats its last frame. */
const rememberedMs = 5_000;

/**
 * The terminal frames that were recently accepted. The answer may have been lost, so a worker may send its frame again.
 */
export class TakenEnds {
  private readonly ends = new Map<string, { readonly envelope: OutputEnvelope; readonly takenAt: number }>();

  constructor(private readonly now: () => number) {}

  add(jobId: string, envelope: OutputEnvelope): void {
    this.ends.set(jobId, { envelope, takenAt: this.now() });
  }

  has(jobId: string, { workerId, attempt, sequence }: OutputEnvelope): boolean {
    const end = this.ends.get(jobId)?.envelope;
    return end?.workerId === workerId && end.attempt === attempt && end.sequence === sequence;
  }

  forgetOld(): void {
    for (const [jobId, { takenAt }] of this.ends) if (this.now() - takenAt > rememberedMs) this.ends.delete(jobId);
  }
}
