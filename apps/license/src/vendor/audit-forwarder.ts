import type { AppendLog, KeyValueStore } from '@app/broker';
import {
  AuditAcknowledged,
  maxVendorRequestBytes,
  vendorPaths,
  type AuditForward,
  type VendorCaller,
} from '@app/licensing';
import { ProblemError } from '@app/protocol';
import { batchAfter, seqOf, UnreadableRecord, type AuditBatch } from './audit-batch';
import { backoffMs, pauseAfter } from './backoff';
import { ForwardedMark } from './forwarded-mark';
import type { SeenFailure, VendorLink } from './vendor-link';
import { whyOf } from './vendor-outcome';

/** Between two looks for new records: half of this to all of it, by chance, so that replicas rarely send the same ones. */
const idlePauseMs = 10_000;

/** How a round ended: all is acknowledged, or why not. `alarm`: an operator must look at it. */
type Round =
  | { readonly outcome: 'acknowledged' }
  | { readonly outcome: 'refused' | 'unreachable' | 'no_license' | 'log_unavailable'; readonly why: string }
  | { readonly outcome: 'alarm'; readonly why: string };

/**
 * Forwards the audit log in order, at least once. The number of the last record that the endpoint acknowledged is stored and
 * shared by the replicas; it is the `seq` of the chain, not the sequence number of the log.
 */
export class AuditForwarder {
  private dueMs: number;
  private failures = 0;
  private forwarding = false;
  private failed: SeenFailure | undefined;
  private acknowledgedSeq: number | undefined;
  private readonly mark: ForwardedMark;

  constructor(
    private readonly link: VendorLink,
    private readonly log: AppendLog,
    store: KeyValueStore,
  ) {
    this.mark = new ForwardedMark(store);
    this.dueMs = link.nowMs();
  }

  /** Number (`seq`) of the last record that the endpoint has; 0 for none. What is newer may not be dropped. */
  acknowledged(): Promise<number> {
    return this.mark.read();
  }

  /** As `acknowledged`, as far as this process knows; undefined before it has looked. */
  get forwardedUpTo(): number | undefined {
    return this.acknowledgedSeq;
  }

  /** Why the last round failed; undefined after one that did not. */
  get failure(): SeenFailure | undefined {
    return this.failed;
  }

  /** Forwards what is there if it is time to. Resolves once the round is over. */
  async tick(): Promise<void> {
    if (this.forwarding || this.link.nowMs() < this.dueMs) return;
    this.forwarding = true;
    const round = await this.round();
    this.forwarding = false;
    this.dueMs = this.link.nowMs() + this.pauseAfterRound(round);
  }

  private pauseAfterRound(round: Round): number {
    const { random, metrics, log } = this.link;
    if (round.outcome === 'acknowledged') {
      this.failures = 0;
      this.failed = undefined;
      return idlePauseMs * (0.5 + 0.5 * random());
    }
    const { outcome, why } = round;
    this.failures++;
    this.failed = { at: new Date().toISOString(), request: 'audit', outcome, why };
    metrics.forwarded(outcome);
    if (outcome === 'alarm') log.error('audit log is not forwarded', { outcome, why });
    else log.warn('audit log is not forwarded', { outcome, why });
    return outcome === 'alarm' ? backoffMs.longest : pauseAfter(this.failures, random());
  }

  private async round(): Promise<Round> {
    try {
      // Where the endpoint is behind what it acknowledged once, the number to go on from.
      let behind: number | undefined;
      let wentBack = false;
      for (;;) {
        const newestSeq = await this.newestSeq();
        const seq = await this.mark.read();
        this.acknowledgedSeq = seq;
        this.link.metrics.waiting(Math.max(0, newestSeq - seq));
        if (seq > newestSeq)
          return { outcome: 'alarm', why: `acknowledged up to ${seq}, the log ends at ${newestSeq}` };
        if (seq === newestSeq && behind === undefined) return { outcome: 'acknowledged' };
        const next = await this.forward(behind ?? seq);
        if (typeof next === 'object') return next;
        if (next < (behind ?? seq)) {
          if (wentBack) return { outcome: 'alarm', why: `the endpoint went back to ${next} again` };
          wentBack = true;
          this.link.log.warn('the licence endpoint lacks audit records', { from: next + 1 });
        }
        behind = wentBack && next < (await this.mark.read()) ? next : undefined;
      }
    } catch (error) {
      if (error instanceof UnreadableRecord) return { outcome: 'alarm', why: error.message };
      return { outcome: 'log_unavailable', why: ProblemError.from(error).code };
    }
  }

  /** Sends the records after `seq` that fit in one request. Gives the number up to which the endpoint has the log now. */
  private async forward(seq: number): Promise<Round | number> {
    const caller = this.link.caller();
    if (!caller) return { outcome: 'no_license', why: 'no_license' };
    const batch = await batchAfter(this.log, seq, maxVendorRequestBytes - overheadOf(caller));
    if (batch.records.length === 0) return { outcome: 'log_unavailable', why: `no record after ${seq}` };
    const request: AuditForward = { ...caller, records: [...batch.records], oldest: batch.oldestSeq };
    const result = await this.link.client.post(vendorPaths.audit, request, AuditAcknowledged);
    if (result.outcome === 'answered') return this.take(result.answer.acknowledged, batch);
    // The records are no chain, contradict those of the endpoint, or are too large: no retry helps.
    const needsOperator = result.outcome === 'refused' && [400, 409, 413].includes(result.status);
    return { outcome: needsOperator ? 'alarm' : result.outcome, why: whyOf(result) };
  }

  private async take(acknowledged: number, { firstSeq, lastSeq, oldestSeq }: AuditBatch): Promise<Round | number> {
    // Another replica may have forwarded more than this one has sent, but nobody more than the log has.
    if (acknowledged > (await this.newestSeq())) {
      return { outcome: 'alarm', why: `the endpoint acknowledged ${acknowledged}, which the log does not have` };
    }
    if (acknowledged < firstSeq) {
      // It lacks what is before this batch. What the log has of that is sent again.
      const canGoBack = acknowledged < firstSeq - 1 && firstSeq > oldestSeq;
      return canGoBack
        ? acknowledged
        : { outcome: 'alarm', why: `sent from ${firstSeq}, acknowledged ${acknowledged}` };
    }
    // What this process sent, and no more: only then is it known that the endpoint has these very records.
    const has = Math.min(acknowledged, lastSeq);
    await this.mark.raise(has);
    this.link.metrics.forwarded('acknowledged');
    return has;
  }

  /** 0 where the log has no record. */
  private async newestSeq(): Promise<number> {
    const newest = await this.log.last();
    return newest ? seqOf(newest) : 0;
  }
}

/** Bytes of a request without records. */
const overheadOf = (caller: VendorCaller): number =>
  Buffer.byteLength(JSON.stringify({ ...caller, records: [], oldest: Number.MAX_SAFE_INTEGER }));
