import type { KeyValueStore } from '@app/broker';

const key = 'audit-forwarded';
/** Attempts against writers that are faster. Each of them raised the mark. */
const maxAttempts = 10;

/** The number (`seq`) of the last audit record that the licence endpoint acknowledged, shared by the replicas. Only raised. */
export class ForwardedMark {
  constructor(private readonly store: KeyValueStore) {}

  /** 0 before the first acknowledgement. */
  async read(): Promise<number> {
    return seqIn(await this.store.get(key));
  }

  /** Stores a number unless a greater one is stored. */
  async raise(seq: number): Promise<void> {
    for (let attempt = 0; attempt < maxAttempts; attempt++) {
      const present = await this.store.get(key);
      if (present !== undefined && seqIn(present) >= seq) return;
      if (await this.stored(present, String(seq))) return;
    }
  }

  private async stored(present: string | undefined, value: string): Promise<boolean> {
    if (present !== undefined) return this.store.replace(key, present, value);
    if (await this.store.create(key, value)) return true;
    // Another replica created it meanwhile, or somebody deleted it.
    if ((await this.store.get(key)) !== undefined) return false;
    await this.store.put(key, value);
    return true;
  }
}

/** What is no number counts as none: the records are sent again, and the endpoint compares them. */
const seqIn = (text: string | undefined): number => (text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : 0);
