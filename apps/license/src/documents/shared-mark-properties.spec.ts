import fc from 'fast-check';
import { MemoryKeyValue } from '@app/broker';
import { clockSettleMs, dayMs } from '@app/licensing';
import { Files, Issuer, Replica } from '../../test/support/replica';
import { markStepMs } from './shared-mark';

const start = '2026-06-29T00:00:00Z';
const endMs = Date.parse('2026-07-02T00:00:00Z');

/** A life of a process: how far its clock is behind, how often it polls after how long, and how it ends. */
const life = fc.record({
  behindMs: fc.integer({ min: 0, max: 150 * dayMs }),
  passMs: fc.array(fc.integer({ min: 1_000, max: dayMs / 2 }), { maxLength: 8 }),
  end: fc.constantFrom('stopped', 'killed', 'NATS away'),
});

it('gives no service after the end, and refuses none before it, however often a process restarts with a clock behind', async () => {
  const issuer = new Issuer();
  const files = new Files();
  files.write(await issuer.license(), issuer.pem);
  try {
    await fc.assert(
      fc.asyncProperty(fc.array(life, { minLength: 1, maxLength: 8 }), async (lives) => {
        const store = new MemoryKeyValue();
        let trueMs = Date.parse(start) + clockSettleMs;
        await settle(store, files);
        // What a kill may lose: the time since the last write.
        let lostMs = 0;
        for (const { behindMs, passMs, end } of lives) {
          const replica = new Replica(store, files, new Date(Math.max(trueMs - behindMs, beginMs)).toISOString());
          await replica.start();
          if (end === 'NATS away') store.disconnect();
          const startedMs = trueMs;
          for (const ms of passMs) {
            await replica.pass(ms);
            trueMs += ms;
            const timeMs = replica.standing.timeMs();
            expect(timeMs).toBeLessThanOrEqual(trueMs);
            expect(timeMs).toBeGreaterThanOrEqual(trueMs - lostMs);
            const refused = replica.standing.state().state === 'refused';
            if (trueMs < endMs) expect(refused).toBe(false);
            if (trueMs >= endMs + lostMs) expect(refused).toBe(true);
          }
          if (end === 'stopped') await replica.documents.stop();
          else await replica.kill();
          if (end === 'killed') lostMs += markStepMs;
          if (end === 'NATS away') lostMs += trueMs - startedMs;
        }
      }),
      { numRuns: 50 },
    );
  } finally {
    files.remove();
  }
});

/** The clock cannot be behind the issue of the licence file, with which no process starts. */
const beginMs = Date.parse('2026-01-01T00:00:00Z');

/** A first process with a right clock, until its mark is in the bucket. */
async function settle(store: MemoryKeyValue, files: Files): Promise<void> {
  const first = await new Replica(store, files, start).start();
  await first.pass(0);
  await first.pass(clockSettleMs);
  await first.documents.stop();
}
