import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isProblemCode } from '@app/protocol';
import { declaredMetrics, seriesOf, type DeclaredMetric } from '../support/declared-metrics';
import { foreignMetrics } from '../support/foreign-metrics';
import { allExpressions, dashboards, ruleRows, ruleTests } from '../support/observability-files';
import { parsePromql, type Selector } from '../support/promql';

/** What a scrape adds to every series. */
const targetLabels = ['namespace', 'job', 'pod', 'instance'];

const page = readFileSync(join(__dirname, '../../docs/observability.md'), 'utf8');
const expressions = allExpressions();
const rules = ruleRows();
const alerts = rules.filter(({ alert }) => alert !== undefined);
const testFiles = ruleTests();
const records = rules.flatMap(({ record }) => record ?? []);
const selectorsOf = (expr: string): readonly Selector[] => parsePromql(expr).selectors;

let declared: readonly DeclaredMetric[];
let bySeries: ReadonlyMap<string, DeclaredMetric>;

beforeAll(async () => {
  declared = await declaredMetrics();
  bySeries = new Map(declared.flatMap((metric) => seriesOf(metric).map((series) => [series, metric] as const)));
});

/** Names in an expression that nobody exports or records. */
const unknownIn = (expr: string): string[] => {
  const known = new Set([...bySeries.keys(), ...records, ...foreignMetrics.map(({ name }) => name)]);
  return selectorsOf(expr).flatMap(({ metric }) => (known.has(metric) ? [] : [metric]));
};

describe('rules and dashboards', () => {
  it('name only metrics that our code exports, our rules record, or a listed exporter has', () => {
    expect(expressions.length).toBeGreaterThan(100);
    const wrong = expressions.flatMap(({ place, expr }) => unknownIn(expr).map((name) => `${place}: ${name}`));
    expect(wrong).toEqual([]);
  });

  it.each([
    ['a misspelt metric', 'sum(rate(antiphon_error_total[5m]))', ['antiphon_error_total']],
    ['a histogram without its parts', 'antiphon_queue_wait_seconds > 1', ['antiphon_queue_wait_seconds']],
    ['a rule that is not recorded', 'namespace_lane:antiphon_seats:total', ['namespace_lane:antiphon_seats:total']],
    ['one wrong name of two', 'antiphon_seats / on (lane) antiphon_seat', ['antiphon_seat']],
  ])('would be refused for %s', (_, expr, names) => {
    expect(unknownIn(expr)).toEqual(names);
  });

  it('would be refused for what is not PromQL', () => {
    expect(() => parsePromql('sum by (lane (antiphon_seats)')).toThrow('not PromQL');
  });

  it('match our metrics by labels that they have', () => {
    const wrong = expressions.flatMap(({ place, expr }) =>
      selectorsOf(expr).flatMap(({ metric, matchers }) => {
        const owner = bySeries.get(metric);
        const labels = [...targetLabels, ...(owner?.labels ?? [])];
        return owner ? matchers.flatMap(({ label }) => (labels.includes(label) ? [] : [`${place}: ${label}`])) : [];
      }),
    );
    expect(wrong).toEqual([]);
  });

  it('match errors by codes that exist', () => {
    const codes = expressions.flatMap(({ expr }) =>
      selectorsOf(expr).flatMap(({ matchers }) =>
        matchers.flatMap(({ label, value }) => (label === 'code' ? value.split('|') : [])),
      ),
    );
    expect(codes.length).toBeGreaterThan(5);
    expect(codes.filter((code) => !isProblemCode(code))).toEqual([]);
  });

  it('read every metric of others that is listed, and list each once', () => {
    const read = new Set(expressions.flatMap(({ expr }) => selectorsOf(expr).map(({ metric }) => metric)));
    const names = foreignMetrics.map(({ name }) => name);
    expect(names.filter((name) => !read.has(name))).toEqual([]);
    expect(new Set(names).size).toBe(names.length);
  });

  it('show every metric of ours that is worth recording', () => {
    const read = expressions.flatMap(({ expr }) => selectorsOf(expr).map(({ metric }) => metric));
    expect(records.filter((record) => !read.includes(record))).toEqual([]);
  });
});

describe('an alert', () => {
  it.each(alerts.map((rule) => [rule.alert ?? '', rule] as const))(
    '%s says how bad, what and what to do',
    (name, rule) => {
      expect(rule.labels?.['severity']).toMatch(/^(critical|warning|info)$/);
      expect(rule.annotations?.['summary']).toMatch(/\w{3}/);
      expect(rule.annotations?.['description']).toMatch(/\{\{ \$labels\..+\.$/);
      expect(rule.annotations?.['runbook_url']).toBe(`docs/observability.md#${name.toLowerCase()}`);
      expect(page).toContain(`\n### ${name}\n`);
    },
  );

  it('is documented only if it exists', () => {
    const documented = [...page.matchAll(/^### (Antiphon\w+)$/gm)].map(([, name]) => name);
    expect(documented.sort()).toEqual(alerts.map(({ alert }) => alert).sort());
  });

  it.each(alerts.map(({ alert }) => alert))('%s is tested to fire and to stay silent', (name) => {
    const cases = testFiles
      .flatMap(({ tests }) => tests.flatMap(({ alert_rule_test = [] }) => alert_rule_test))
      .filter(({ alertname }) => alertname === name);
    expect(cases.some(({ exp_alerts }) => exp_alerts.length > 0)).toBe(true);
    expect(cases.some(({ exp_alerts }) => exp_alerts.length === 0)).toBe(true);
  });
});

it.each(records)('%s is tested for its value', (name) => {
  const cases = testFiles
    .flatMap(({ tests }) => tests.flatMap(({ promql_expr_test = [] }) => promql_expr_test))
    .filter(({ expr }) => expr === name);
  expect(cases.some(({ exp_samples }) => exp_samples.length > 0)).toBe(true);
});

describe.each(dashboards().map((dashboard) => [dashboard.file, dashboard] as const))(
  'the dashboard %s',
  (file, dashboard) => {
    const { panels, templating } = dashboard;

    it('is known to Grafana by the name of its file', () => {
      expect(dashboard.uid).toBe(`antiphon-${file.replace('.json', '')}`);
      expect(dashboard.schemaVersion).toBeGreaterThanOrEqual(39);
    });

    it('asks the data source and the namespace that are chosen', () => {
      expect(templating.list.map(({ name }) => name).slice(0, 2)).toEqual(['datasource', 'namespace']);
      for (const { type, datasource } of panels) if (type !== 'row') expect(datasource?.uid).toBe('${datasource}');
    });

    it('uses only variables that it has', () => {
      const names = templating.list.map(({ name }) => name);
      const used = panels.flatMap(({ targets = [] }) =>
        targets.flatMap(({ expr }) => [...expr.matchAll(/\$(?!__)(\w+)/g)].map(([, name]) => name ?? '')),
      );
      expect([...new Set(used)].filter((name) => !names.includes(name))).toEqual([]);
    });

    it('gives each panel an id and a place of its own', () => {
      expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
      const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) => {
        expect(x + w).toBeLessThanOrEqual(24);
        return Array.from({ length: w * h }, (_, cell) => `${x + (cell % w)},${y + Math.floor(cell / w)}`);
      });
      expect(new Set(cells).size).toBe(cells.length);
    });

    it('groups by labels that the metric has, and shows only those in its legends', () => {
      const known = new Set([
        ...declared.flatMap(({ labels }) => labels),
        ...targetLabels,
        'le',
        'deployment',
        'scaledObject',
      ]);
      for (const { type, title, targets = [] } of panels) {
        if (type === 'row') continue;
        expect([title, targets.length > 0]).toEqual([title, true]);
        for (const { legendFormat } of targets) {
          const labels = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label]) => label ?? '');
          expect(
            labels.filter((label) => !known.has(label) && !/^(metric|persistentvolumeclaim)$/.test(label)),
          ).toEqual([]);
        }
      }
    });
  },
);

it('every metric of ours has our prefix or a name that operators know, base units, and a help text', () => {
  const known = /^(inferno_worker_(load|capacity|ttfa|rtf)|api_queue_size|api_unserviceable_requests_size)$/;
  for (const { name, help, type } of declared.filter(({ name }) => /^(antiphon|inferno|api)_/.test(name))) {
    expect(help).toMatch(/^[A-Z].*\.$/);
    if (known.test(name)) continue;
    expect(name).toMatch(/^antiphon_[a-z_]+$/);
    expect(name).not.toMatch(/_(ms|milliseconds|minutes|days|kb|mb)(_|$)/);
    expect([name, name.endsWith('_total')]).toEqual([name, type === 'counter']);
  }
});

describe('docs/observability.md', () => {
  it('has a row for each metric of ours, with its type and its labels, and no other', () => {
    const rows = [...page.matchAll(/^\| `(\w+)` +\| (\w+) +\| ([^|]*?) +\|/gm)].map(([, name, type, labels]) =>
      [name, type, labels?.replaceAll('`', '')].join(' | '),
    );
    const ours = declared
      .filter(({ name }) => /^(antiphon|inferno|api)_/.test(name))
      .map(({ name, type, labels }) => [name, type, labels.join(', ')].join(' | '));
    expect(rows.sort()).toEqual(ours.sort());
  });

  it('names each metric of others, with where it comes from', () => {
    for (const { name } of foreignMetrics) expect(page).toContain(`\`${name}\``);
  });
});
