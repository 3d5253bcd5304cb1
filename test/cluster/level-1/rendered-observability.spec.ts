import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { foreignMetrics } from '../../support/foreign-metrics';
import { parsePromql } from '../../support/promql';
import { namespace, ofKind, render, root, type Manifest } from './rendered';

const folder = join(root, 'knative/observability');
const anotherNats = [
  'global.nats.url=nats://bus:4222',
  'global.nats.monitoringEndpoint=bus:8222',
  'global.nats.peers[0].namespaceSelector.matchLabels.a=b',
];

const rulesWith = (set: readonly string[] = []): Manifest[] =>
  ofKind(render({ files: ['production'], set }), 'PrometheusRule');

interface RuleGroups {
  readonly groups: readonly { readonly rules: readonly { readonly expr: string; readonly alert?: string }[] }[];
}

const rowsOf = (manifests: readonly Manifest[]) =>
  manifests.flatMap(({ spec }) => (spec as unknown as RuleGroups).groups.flatMap(({ rules }) => rules));

describe('the rules of an installation', () => {
  it('are those of the repository, for the namespace of the release', () => {
    const manifests = rulesWith();
    expect(manifests.length).toBeGreaterThan(4);
    for (const { metadata, spec } of manifests) {
      const file = `${metadata.name.replace(/^antiphon-/, '')}.yaml`;
      const text = readFileSync(join(folder, 'rules', file), 'utf8');
      expect(spec).toEqual(parse(text.replaceAll('namespace=~".+"', `namespace="${namespace}"`)));
    }
  });

  it('take no metric of another project for ours: they match the namespace, or join with a metric of ours', () => {
    const foreign = new Set(foreignMetrics.map(({ name }) => name));
    const expressions = rowsOf(rulesWith()).map(({ expr }) => ({ expr, selectors: parsePromql(expr).selectors }));
    const reading = expressions.filter(({ selectors }) => selectors.some(({ metric }) => foreign.has(metric)));
    expect(reading.length).toBeGreaterThan(6);
    const loose = reading.filter(({ selectors }) => {
      const isJoined = selectors.some(({ metric }) => metric.includes('antiphon_'));
      const isNamed = selectors.every(({ matchers }) =>
        matchers.some(({ label, value }) => label === 'namespace' && value === namespace),
      );
      return !isJoined && !isNamed;
    });
    expect(loose.map(({ expr }) => expr)).toEqual([]);
  });

  it.each([
    ['of this release', [], ['AntiphonBusServerMissing', 'AntiphonBusStorageFull']],
    ['of nobody, where the release uses an existing NATS', anotherNats, []],
  ])('watch the NATS servers %s', (_, set, alerts) => {
    const names = rowsOf(rulesWith(set)).flatMap(({ alert }) => alert ?? []);
    expect(names.filter((name) => /^AntiphonBusS/.test(name)).sort()).toEqual(alerts);
    expect(names).toContain('AntiphonBusDisconnected');
  });
});

it('carries the dashboards of the repository unchanged', () => {
  const dashboards = ofKind(render({ files: ['production'] }), 'ConfigMap').filter(
    ({ metadata }) => metadata.labels?.grafana_dashboard === '1',
  );
  expect(dashboards.length).toBeGreaterThan(3);
  for (const { data = {} } of dashboards) {
    for (const [file, text] of Object.entries(data)) {
      expect(JSON.parse(text)).toEqual(JSON.parse(readFileSync(join(folder, 'dashboards', file), 'utf8')));
    }
  }
});
