import { Test } from '@nestjs/testing';
import { Log, ManagementModule, measureStart, PlatformModule, Readiness, Tracing } from '@app/platform';
import { register } from 'prom-client';
import { gatewayMetrics } from '../../apps/gateway/src/metrics/gateway-metrics';
import { usageMetrics } from '../../apps/gateway/src/metrics/usage-metrics';
import { inferenceMetrics } from '../../apps/inference/src/metrics/inference-metrics';
import { licenseMetrics } from '../../apps/license/src/metrics/license-metrics';
import { vendorMetrics } from '../../apps/license/src/metrics/vendor-metrics';

/** A metric that our code exports. */
export interface DeclaredMetric {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram' | 'summary';
  readonly labels: readonly string[];
  readonly help: string;
}

/** All metrics of all apps, those of the process and of Node among them, as their registry has them. */
export async function declaredMetrics(): Promise<DeclaredMetric[]> {
  const platform = { log: Log.create('rules', 'silent'), readiness: new Readiness(), tracing: Tracing.off() };
  const metrics = [...gatewayMetrics, ...usageMetrics, ...inferenceMetrics, ...licenseMetrics, ...vendorMetrics];
  const imports = [PlatformModule.register(platform, metrics), ManagementModule.register()];
  const module = await Test.createTestingModule({ imports }).compile();
  await module.init();
  measureStart(0);
  const labelsOf = new Map(
    register.getMetricsAsArray().map((metric) => {
      const { name, labelNames } = metric as unknown as { name: string; labelNames?: string[] };
      return [name, labelNames ?? []];
    }),
  );
  const described = await register.getMetricsAsJSON();
  await module.close();
  return described.map(({ name, type, help }) => ({
    name,
    type: String(type) as DeclaredMetric['type'],
    labels: labelsOf.get(name) ?? [],
    help,
  }));
}

/** Names under which a scrape shows a metric. */
export const seriesOf = ({ name, type }: Pick<DeclaredMetric, 'name' | 'type'>): string[] =>
  type === 'histogram' ? ['bucket', 'sum', 'count'].map((part) => `${name}_${part}`) : [name];
