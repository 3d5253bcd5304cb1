import type { KeyValueStore } from '@app/broker';
import { raiseEntry } from '../documents/bucket';

const key = 'audit-forwarded';
/** The number (`seq`) of the last audit record that the licence endpoint acknowledged, shared by the replicas. Only raised. */
export class ForwardedMark {
  constructor(private readonly store: KeyValueStore) {}

  /** 0 before the first acknowledgement. */
  async read(): Promise<number> {
    return seqIn(await this.store.get(key));
  }

  /** Stores a number unless a greater one is stored. */
  async raise(seq: number): Promise<void> {
    await raiseEntry(this.store, key, String(seq), (present) => seqIn(present) >= seq);
  }
}

/** What is no number counts as none: the records are sent again, and the endpoint compares them. */
const seqIn = (text: string | undefined): number => (text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : 0);
