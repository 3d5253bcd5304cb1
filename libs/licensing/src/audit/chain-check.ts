/** A record, or a line that should have been one, as the check of a chain needs it. */
export interface ChainEntry {
  /** Number of the line in the file, from 1. */
  readonly line: number;
  /** Number that the record states; undefined where the line is not a record. */
  readonly seq: number | undefined;
  readonly prev: string | undefined;
  readonly hash: string;
  /** `signed`: a signature covers the whole record. `faulty`: it was changed, as `fault` says. */
  readonly trust: 'signed' | 'faulty' | 'plain';
  readonly fault?: string | undefined;
}

/** The part of a chain that a checkpoint vouches for. */
export interface ChainAnchor {
  readonly firstSeq: number;
  readonly firstPrev: string;
  /** Number of the checkpoint itself. */
  readonly seq: number;
}

/** What is wrong with one record, or with a run of them. */
export interface AuditFinding {
  readonly problem: 'changed' | 'missing' | 'out_of_order' | 'extra' | 'unsigned';
  /** Number of the record; of the first one of a run. */
  readonly record: number;
  /** Number of the last record of a run. */
  readonly to?: number;
  readonly detail: string;
}

/** Checks numbers, order and hashes of the lines of a file against each other and against the newest checkpoint. */
export function checkChain(entries: readonly ChainEntry[], anchor: ChainAnchor | undefined): AuditFinding[] {
  const { numbered, findings } = number(entries, anchor);
  const sorted = [...numbered.keys()].sort((a, b) => a - b);
  const first = anchor?.firstSeq ?? sorted[0] ?? 1;
  return [
    ...findings,
    ...missing(sorted, first, anchor?.seq),
    ...outOfOrder(numbered, sorted),
    ...brokenLinks(numbered, sorted, { first, prev: anchor?.firstPrev }),
  ];
}

type Numbered = Map<number, ChainEntry>;

/** Gives each line its number: the one that it states where that fits, else the number that its neighbour leaves open. */
function number(entries: readonly ChainEntry[], anchor: ChainAnchor | undefined) {
  const numbered = statedNumbers(entries, anchor);
  const findings: AuditFinding[] = [];
  const placed = new Map([...numbered].map(([seq, entry]) => [entry, seq]));
  const lowest = entries.reduce((least, { seq }) => Math.min(least, seq ?? Infinity), Infinity);
  let before = (anchor?.firstSeq ?? (lowest === Infinity ? 1 : lowest)) - 1;
  for (const entry of entries) {
    const seq = placed.get(entry) ?? before + 1;
    const isExtra = !placed.has(entry) && numbered.has(seq);
    if (isExtra) {
      const detail = `Line ${entry.line} is a record that belongs nowhere.`;
      findings.push({ problem: 'extra', record: entry.seq ?? seq, detail });
      continue;
    }
    const misnumbered = placed.has(entry) ? undefined : `Line ${entry.line} states the number ${entry.seq}.`;
    const detail = entry.fault ?? misnumbered;
    if (detail !== undefined) findings.push({ problem: 'changed', record: seq, detail });
    numbered.set(seq, entry);
    before = seq;
  }
  return { numbered, findings };
}

/** The lines that state a number which they may have. Of two with the same number, the one that the chain goes on from. */
function statedNumbers(entries: readonly ChainEntry[], anchor: ChainAnchor | undefined): Numbered {
  const previousOf = new Set(entries.map(({ prev }) => prev));
  const anchorLine = entries.find(({ seq, trust }) => trust === 'signed' && seq === anchor?.seq)?.line ?? 0;
  const rank = (entry: ChainEntry): number => (entry.trust === 'signed' ? 2 : previousOf.has(entry.hash) ? 1 : 0);
  const numbered: Numbered = new Map();
  for (const entry of entries) {
    if (entry.seq === undefined || entry.trust === 'faulty' || entry.seq < (anchor?.firstSeq ?? 1)) continue;
    if (anchor && entry.seq > anchor.seq && entry.line < anchorLine) continue;
    const rival = numbered.get(entry.seq);
    if (!rival || rank(entry) > rank(rival)) numbered.set(entry.seq, entry);
  }
  return numbered;
}

function missing(sorted: readonly number[], first: number, last: number | undefined): AuditFinding[] {
  const present = last !== undefined && (sorted.at(-1) ?? 0) < last ? [...sorted, last + 1] : sorted;
  return present.flatMap((seq, index) => {
    const from = index === 0 ? first : (present[index - 1] ?? 0) + 1;
    if (from >= seq) return [];
    const detail = from === seq - 1 ? 'The record is not there.' : 'The records are not there.';
    return [{ problem: 'missing', record: from, ...(from < seq - 1 && { to: seq - 1 }), detail } as const];
  });
}

function outOfOrder(numbered: Numbered, sorted: readonly number[]): AuditFinding[] {
  const inFile = [...numbered].sort(([, a], [, b]) => a.line - b.line);
  return inFile.flatMap(([seq, { line }], index) =>
    seq === sorted[index] ? [] : [{ problem: 'out_of_order', record: seq, detail: `It is at line ${line}.` } as const],
  );
}

/** A record matches the one before it where its `prev` is the hash of that one. */
function brokenLinks(
  numbered: Numbered,
  sorted: readonly number[],
  start: { readonly first: number; readonly prev: string | undefined },
): AuditFinding[] {
  const changed: number[] = [];
  let run: number[] = [];
  const endRun = (): void => {
    for (const seq of blamed(run, numbered)) changed.push(seq);
    run = [];
  };
  for (const seq of sorted) {
    const before = seq === start.first ? start.prev : numbered.get(seq - 1)?.hash;
    if (before === undefined || numbered.get(seq)?.prev === before) endRun();
    else run.push(...(run.length === 0 ? [seq - 1, seq] : [seq]));
  }
  endRun();
  const detail = 'Its bytes do not match the hash in the next record, or its prev does not match the record before.';
  return changed.map((record) => ({ problem: 'changed', record, detail }));
}

/** Which records of a run of broken links were changed: those that match neither neighbour, or the earlier one of two. */
function blamed(run: readonly number[], numbered: Numbered): number[] {
  const trustOf = (seq: number) => numbered.get(seq)?.trust;
  const isPlain = (seq: number): boolean => trustOf(seq) === 'plain';
  const inner = run.slice(1, -1).filter(isPlain);
  if (inner.length > 0) return inner;
  return run.some((seq) => trustOf(seq) === 'faulty') ? [] : run.filter(isPlain).slice(0, 1);
}
