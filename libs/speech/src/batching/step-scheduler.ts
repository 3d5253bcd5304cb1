import { sharesBatches, type BatchPolicy } from './batch-policy';

/** What the scheduler has to know of a step that waits. */
export interface QueuedStep {
  /** The utterance or STT stream it belongs to. Steps of one id run in the order they were queued, never two in a batch. */
  readonly id: string;
  /** Steps with the same key may share a batch; without a key it runs alone. */
  readonly batchKey?: string | undefined;
  readonly queuedAtMs: number;
  /** When it should run at the latest so that nobody notices; Infinity for what is only nice to have. */
  readonly dueMs: number;
  /** Somebody waits for it in silence: until it is due it goes before all that is not due, and after all that is. */
  readonly awaited?: boolean | undefined;
}

/** Run these now, together; or nothing to run for so long, Infinity when only a new step changes that. */
export type BatchDecision<S extends QueuedStep> = { readonly run: readonly S[] } | { readonly waitMs: number };

/**
 * What a free engine should do next: a pure function of queue and clock. The step that is due first leads, so a step is
 * overtaken only by those due before it, and its wait is bounded by the work queued until it is due; `always` also lets larger
 * batches overtake, for a bounded time. `couldJoin` is how many ids have anything open here: a batch that holds them all waits
 * for nobody.
 */
export function chooseBatch<S extends QueuedStep>(
  queue: readonly S[],
  nowMs: number,
  policy: BatchPolicy,
  couldJoin = Infinity,
): BatchDecision<S> {
  const eligible = firstOfEachId(queue).sort((a, b) => precedence(a, b, nowMs));
  const head = eligible[0];
  if (head === undefined) return { waitMs: Infinity };
  if (!sharesBatches(policy)) return { run: [head] };
  const groups = groupByKey(eligible, policy.maxBatch);
  if (policy.batching !== 'always') return { run: groups[0] ?? [head] };
  return bestReady(groups, nowMs, policy, couldJoin);
}

/** A step that has waited for this many times the wait for company goes before a larger group. */
const patience = 20;

/**
 * What cannot be shared goes first, since what follows it can; then the largest of the groups that are full or have waited
 * long enough, so that those ahead wait for those behind to catch up. A group that may still grow holds up nobody.
 */
function bestReady<S extends QueuedStep>(
  groups: readonly S[][],
  nowMs: number,
  policy: BatchPolicy,
  couldJoin: number,
): BatchDecision<S> {
  const rated = groups.map((group) => {
    const waitedMs = nowMs - Math.min(...group.map((step) => step.queuedAtMs));
    const isAlone = group[0]?.batchKey === undefined;
    const cannotGrow = isAlone || group.length >= Math.min(policy.maxBatch, couldJoin);
    const leftMs = cannotGrow ? 0 : Math.max(0, policy.batchWaitMs - waitedMs);
    const goesFirst = isAlone || waitedMs > patience * policy.batchWaitMs;
    return { group, leftMs, rank: goesFirst ? Infinity : group.length };
  });
  const ready = rated.filter(({ leftMs }) => leftMs === 0);
  if (ready.length === 0) return { waitMs: Math.min(...rated.map(({ leftMs }) => leftMs)) };
  return { run: ready.reduce((best, other) => (other.rank > best.rank ? other : best)).group };
}

function firstOfEachId<S extends QueuedStep>(queue: readonly S[]): S[] {
  const seen = new Set<string>();
  return queue.filter((step) => !seen.has(step.id) && seen.add(step.id));
}

function precedence(a: QueuedStep, b: QueuedStep, nowMs: number): number {
  const [rankA, rankB] = [rank(a, nowMs), rank(b, nowMs)];
  if (rankA !== rankB) return rankA - rankB;
  // Not a subtraction, since two may be due at Infinity.
  if (a.dueMs !== b.dueMs) return a.dueMs < b.dueMs ? -1 : 1;
  return a.queuedAtMs - b.queuedAtMs;
}

function rank({ dueMs, awaited }: QueuedStep, nowMs: number): number {
  if (dueMs <= nowMs) return 0;
  return awaited ? 1 : 2;
}

/** One group per key, full at `maxBatch`, in the order of their first steps; what does not fit stays queued. */
function groupByKey<S extends QueuedStep>(steps: readonly S[], maxBatch: number): S[][] {
  const groups: S[][] = [];
  const byKey = new Map<string, S[]>();
  for (const step of steps) {
    const open = step.batchKey === undefined ? undefined : byKey.get(step.batchKey);
    if (open === undefined) {
      const group = [step];
      groups.push(group);
      if (step.batchKey !== undefined) byKey.set(step.batchKey, group);
    } else if (open.length < maxBatch) {
      open.push(step);
    }
  }
  return groups;
}
