import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { metricNames, query, rules, targets } from '../../tools/observe/prometheus-api';
import { speakFirstSentence, wasUnderstood } from '../../tools/stack/first-sentence';
import { declaredMetrics, seriesOf } from '../support/declared-metrics';
import { foreignMetrics } from '../support/foreign-metrics';
import { allExpressions, ruleRows } from '../support/observability-files';
import { describeWithPrometheus } from '../support/prometheus';
import { parsePromql } from '../support/promql';
import { RunningStack } from '../support/running-stack';
import { until } from '../support/until';

const minuteMs = 60_000;
const pollMs = 500;

const foreign = new Set(foreignMetrics.map(({ name }) => name).filter((name) => name !== 'up'));
const rows = ruleRows();

/** Whether an expression reads, itself or by rules that it reads, what only a cluster has. */
function needsCluster(expr: string): boolean {
  return parsePromql(expr).selectors.some(({ metric }) => {
    const recorded = rows.find(({ record }) => record === metric);
    return foreign.has(metric) || (recorded !== undefined && needsCluster(recorded.expr));
  });
}

/** Resolves when nothing is left over; a test that waits in vain shows what is. */
const untilNothing = (leftOver: () => Promise<readonly string[]>): Promise<void> =>
  until(
    async () => {
      expect(await leftOver()).toEqual([]);
      return true;
    },
    { withinMs: minuteMs, everyMs: pollMs },
  );

describeWithPrometheus('Prometheus beside the running stack', () => {
  const folder = mkdtempSync(join(tmpdir(), 'antiphon-observe-'));
  let stack: RunningStack;
  let base: string;

  const speak = () => speakFirstSentence(stack.target.api, stack.target.apiKey, join(folder, 'spoken.wav'));
  const isFiring = async (alert: string): Promise<boolean> =>
    (await rules(base)).some(({ name, state }) => name === alert && state === 'firing');

  beforeAll(async () => {
    stack = await RunningStack.start({ observe: true });
    base = stack.prometheus;
    expect(wasUnderstood((await speak()).transcript)).toBe(true);
  }, 3 * minuteMs);
  afterAll(async () => {
    await stack.stop();
    rmSync(folder, { recursive: true });
  }, minuteMs);

  it(
    'reads the pages of gateway, license and each worker, under the job names of the cluster',
    async () => {
      const wanted = ['local gateway gateway', 'local license license', 'local worker stt-1', 'local worker tts-1'];
      const seen = async () =>
        (await targets(base)).map(
          ({ health, labels }) => `${labels['namespace']} ${labels['job']} ${labels['pod']} ${health}`,
        );
      // Before its first look at its configuration Prometheus has no targets at all.
      await untilNothing(async () => {
        const found = await seen();
        return wanted.filter((target) => !found.includes(`${target} up`));
      });
      expect((await seen()).sort()).toEqual(wanted.map((target) => `${target} up`));
    },
    2 * minuteMs,
  );

  it(
    'evaluates every rule of the files without an error',
    async () => {
      const loaded = async () => (await rules(base)).filter(({ health }) => health === 'ok').map(({ name }) => name);
      const wanted = rows.map(({ record, alert }) => record ?? alert ?? '');
      await untilNothing(async () => {
        const names = await loaded();
        return wanted.filter((name) => !names.includes(name));
      });
      expect((await loaded()).sort()).toEqual(wanted.sort());
    },
    2 * minuteMs,
  );

  it(
    'sees a lane without a worker, and how long it takes to wake',
    async () => {
      const sees = (expr: string) => untilNothing(async () => ((await query(base, expr)).length > 0 ? [] : [expr]));
      const killed = stack.pidOf('tts-1');
      stack.kill('tts-1');
      await untilNothing(async () => {
        const pid = stack.pidOf('tts-1');
        return Promise.resolve(pid !== undefined && pid !== killed ? [] : ['another tts-1']);
      });
      // Held before it can serve, for as long as a node may take to boot.
      stack.signal('tts-1', 'SIGSTOP');
      await sees('antiphon_lane_workers{lane="tts.piper"} == 0');
      const spoken = speak().catch(() => undefined);
      await sees('api_unserviceable_requests_size{offering="tts.piper"} > 0');
      stack.signal('tts-1', 'SIGCONT');
      await sees('antiphon_lane_wake_seconds_count{lane="tts.piper"} > 0');
      await spoken;
    },
    3 * minuteMs,
  );

  it(
    'has every metric of ours that rules and dashboards read',
    async () => {
      await speak();
      const ours = new Set((await declaredMetrics()).flatMap(seriesOf));
      const read = allExpressions().flatMap(({ expr }) => parsePromql(expr).selectors.map(({ metric }) => metric));
      const wanted = [...new Set(read)].filter((name) => ours.has(name));
      expect(wanted.length).toBeGreaterThan(30);
      await untilNothing(async () => {
        const names = await metricNames(base);
        return wanted.filter((name) => !names.includes(name));
      });
    },
    2 * minuteMs,
  );

  const recorded = rows.flatMap(({ record, expr }) => (record === undefined ? [] : [{ record, expr }]));
  const here = recorded.filter(({ expr }) => !needsCluster(expr)).map(({ record }) => record);

  it('records nothing here that only KEDA and Kubernetes could tell', () => {
    expect(recorded.length - here.length).toBe(4);
    expect(here.length).toBeGreaterThan(20);
  });

  it.each(here)(
    'has a value of %s',
    async (record) => {
      await untilNothing(async () => {
        const values = await query(base, record);
        return values.some(({ value }) => Number.isFinite(value)) ? [] : [`${record}: ${JSON.stringify(values)}`];
      });
    },
    2 * minuteMs,
  );

  it(
    'tells of engines that keep dying',
    async () => {
      const warm = async () => (await stack.metric('tts-1', 'antiphon_ready', { check: 'engines warm' })) === 1;
      const deaths = () => stack.metric('tts-1', 'antiphon_engine_restarts_total');
      const killed = new Set<number>();
      const alive = () => stack.childrenOf('tts-1').filter((engine) => !killed.has(engine));
      for (let death = 1; death <= 4; death += 1) {
        await untilNothing(async () => ((await warm()) && alive().length > 0 ? [] : ['a warm engine']));
        for (const engine of alive()) {
          killed.add(engine);
          process.kill(engine, 'SIGKILL');
        }
        await untilNothing(async () => ((await deaths()) >= death ? [] : [`death ${death}`]));
      }
      await untilNothing(async () =>
        (await isFiring('AntiphonEnginesRestarting')) ? [] : ['AntiphonEnginesRestarting'],
      );
    },
    4 * minuteMs,
  );
});
