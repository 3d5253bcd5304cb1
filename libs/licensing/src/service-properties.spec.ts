import fc from 'fast-check';
import { serviceEndMs, forecast } from './forecast';
import { clockSettleMs, observeClock, raiseHighWater, startHighWater, type HighWater } from './high-water';
import { newerLease, serviceState, timeUsedMs, type ServiceFacts } from './service-state';
import type { Lease } from './lease-document';
import type { License } from './license-document';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;
const start = Date.parse('2026-01-01T00:00:00Z');

/** What can happen to a deployment. Time passes in every step but `restart`. */
type Step =
  | { readonly kind: 'time passes'; readonly hours: number }
  | { readonly kind: 'check-in'; readonly leaseHours: number; readonly isLost: boolean }
  | { readonly kind: 'late answer'; readonly ageHours: number; readonly leaseHours: number }
  | { readonly kind: 'renewal'; readonly days: number; readonly beginsInDays: number }
  | { readonly kind: 'restart' }
  | { readonly kind: 'clock'; readonly offsetHours: number };

const hours = fc.integer({ min: 1, max: 24 * 30 });
const quiet: fc.Arbitrary<Step>[] = [
  fc.record({ kind: fc.constant('time passes' as const), hours }),
  fc.record({ kind: fc.constant('check-in' as const), leaseHours: hours, isLost: fc.boolean() }),
  fc.record({ kind: fc.constant('late answer' as const), ageHours: hours, leaseHours: hours }),
  fc.record({
    kind: fc.constant('renewal' as const),
    days: fc.integer({ min: 1, max: 400 }),
    beginsInDays: fc.integer({ min: 0, max: 60 }),
  }),
  fc.constant({ kind: 'restart' as const }),
];
const clockJump = (min: number, max: number): fc.Arbitrary<Step> =>
  fc.record({ kind: fc.constant('clock' as const), offsetHours: fc.integer({ min, max }) });
const grace = fc.record({
  lostContactDays: fc.integer({ min: 0, max: 30 }),
  expiryDays: fc.integer({ min: 0, max: 30 }),
  proxyUnreachableSeconds: fc.constant(900),
});
const mode = fc.constantFrom('connected' as const, 'airgapped' as const);
const story = (steps: fc.Arbitrary<Step>[]) =>
  fc.record({
    mode,
    grace,
    days: fc.integer({ min: 1, max: 400 }),
    steps: fc.array(fc.oneof(...steps), { maxLength: 60 }),
  });
type Story = ReturnType<typeof story> extends fc.Arbitrary<infer T> ? T : never;

/** A deployment in simulated time, which knows the true time; its service knows its own clocks alone. */
class Deployment {
  trueMs = start;
  private offsetMs = 0;
  private serial = 1;
  private licenses: License[];
  private lease: Lease | undefined;
  private mark: HighWater = startHighWater(start, start);

  constructor(private readonly story: Story) {
    this.licenses = [this.license(story.days, 0)];
  }

  facts(): ServiceFacts {
    const { licenses, lease } = this;
    return {
      mode: this.story.mode,
      licenses,
      lease,
      nowMs: this.trueMs + this.offsetMs,
      highWaterMs: this.mark.markMs,
    };
  }

  /** The published end by the documents alone, by rules of its own: for each licence that counts, its end and its grace. */
  isPublishedAsServed(timeMs: number): boolean {
    const begun = this.licenses
      .filter(({ nbf }) => nbf * 1_000 <= timeMs)
      .sort((a, b) => b.iat - a.iat || b.exp - a.exp || (a.jti < b.jti ? 1 : -1));
    const [license] = begun;
    if (!license) return false;
    const byDate = license.exp * 1_000 + license.grace.expiryDays * dayMs;
    const contact = (this.lease?.exp ?? license.nbf) * 1_000 + license.grace.lostContactDays * dayMs;
    return timeMs < byDate && (this.story.mode === 'airgapped' || timeMs < contact);
  }

  take(step: Step): void {
    switch (step.kind) {
      case 'time passes':
        return this.pass(step.hours * hourMs);
      case 'check-in':
        if (!step.isLost) this.receive(this.trueMs, step.leaseHours);
        return this.pass(hourMs);
      case 'late answer':
        this.receive(Math.max(start, this.trueMs - step.ageHours * hourMs), step.leaseHours);
        return this.pass(hourMs);
      case 'renewal':
        this.licenses = [...this.licenses, this.license(step.days, step.beginsInDays)];
        return this.pass(hourMs);
      case 'restart':
        this.restart();
        return;
      case 'clock':
        this.offsetMs = step.offsetHours * hourMs;
        return this.pass(clockSettleMs / 2);
    }
  }

  /** Sets the clock right. */
  correct(): void {
    this.offsetMs = 0;
    this.pass(minuteMs);
  }

  private pass(ms: number): void {
    this.trueMs += ms;
    this.mark = observeClock(this.mark, { wallMs: this.trueMs + this.offsetMs, monotonicMs: this.trueMs });
  }

  private receive(atMs: number, leaseHours: number): void {
    const iat = atMs / 1_000;
    const exp = iat + leaseHours * 3_600;
    this.lease = newerLease(this.lease, { jti: `l-${this.serial++}`, license: 'any', iat, exp, checkInSeconds: 60 });
    if (this.story.mode === 'connected') this.mark = raiseHighWater(this.mark, this.lease.iat * 1_000);
  }

  /** What is persisted comes back as JSON; the rest of the process is new. */
  private restart(): void {
    const kept = JSON.stringify({ licenses: this.licenses, lease: this.lease, markMs: this.mark.markMs });
    const { licenses, lease, markMs } = JSON.parse(kept) as { licenses: License[]; lease?: Lease; markMs: number };
    Object.assign(this, { licenses, lease, mark: startHighWater(markMs, this.trueMs) });
  }

  private license(days: number, beginsInDays: number): License {
    const iat = this.trueMs / 1_000;
    const nbf = iat + beginsInDays * 86_400;
    const jti = `lic-${this.serial++}`;
    return { jti, sub: 'h', features: [], limits: {}, iat, nbf, exp: nbf + days * 86_400, grace: this.story.grace };
  }
}

const isServed = (deployment: Deployment): boolean => serviceState(deployment.facts()).state !== 'refused';

it('serves up to the published end and not after it, in any order of check-ins, losses, renewals and restarts', () => {
  fc.assert(
    fc.property(story(quiet), (each) => {
      const deployment = new Deployment(each);
      for (const step of each.steps) {
        deployment.take(step);
        expect(isServed(deployment)).toBe(deployment.isPublishedAsServed(deployment.trueMs));
      }
    }),
    { numRuns: 1_000 },
  );
});

it('never serves after the published end, wherever the clock is set back to', () => {
  fc.assert(
    fc.property(story([...quiet, clockJump(-24 * 365, 0)]), (each) => {
      const deployment = new Deployment(each);
      for (const step of each.steps) {
        deployment.take(step);
        expect(isServed(deployment)).toBe(deployment.isPublishedAsServed(deployment.trueMs));
      }
    }),
    { numRuns: 1_000 },
  );
});

it('never serves after the end that its own clock shows, however the clock jumps', () => {
  fc.assert(
    fc.property(story([...quiet, clockJump(-24 * 365, 24 * 365)]), (each) => {
      const deployment = new Deployment(each);
      for (const step of each.steps) {
        deployment.take(step);
        const usedMs = timeUsedMs(deployment.facts());
        expect(usedMs).toBeGreaterThanOrEqual(deployment.trueMs);
        expect(isServed(deployment)).toBe(deployment.isPublishedAsServed(usedMs));
      }
    }),
    { numRuns: 1_000 },
  );
});

it('serves again up to the published end once a clock that jumped ahead for a short time is right', () => {
  fc.assert(
    fc.property(story(quiet), fc.integer({ min: 1, max: 24 * 3_650 }), (each, offsetHours) => {
      const deployment = new Deployment(each);
      for (const step of each.steps) {
        deployment.take(step);
        deployment.take({ kind: 'clock', offsetHours });
        deployment.correct();
        expect(isServed(deployment)).toBe(deployment.isPublishedAsServed(deployment.trueMs));
      }
    }),
    { numRuns: 300 },
  );
});

it('forecasts exactly what happens if nothing changes', () => {
  fc.assert(
    fc.property(story(quiet), fc.array(hours, { maxLength: 30 }), (each, waits) => {
      const deployment = new Deployment(each);
      for (const step of each.steps) deployment.take(step);
      const facts = deployment.facts();
      const [now, foreseen, endMs] = [serviceState(facts), forecast(facts), serviceEndMs(facts)];
      for (const wait of waits) {
        deployment.take({ kind: 'time passes', hours: wait });
        const state = serviceState(deployment.facts());
        const expected = foreseen.filter(({ atMs }) => atMs <= deployment.trueMs).at(-1)?.state ?? now;
        expect([state.state, 'why' in state && state.why]).toEqual([expected.state, 'why' in expected && expected.why]);
        if (deployment.trueMs < endMs && now.state !== 'refused') expect(state.state).not.toBe('refused');
      }
    }),
    { numRuns: 500 },
  );
});
