import { Test } from '@nestjs/testing';
import { register } from 'prom-client';
import { graceMetrics, GraceMetrics } from './grace-metrics';

it('exports the rest of a grace by cause, and nothing of a cause that cannot occur', async () => {
  const metrics = (await Test.createTestingModule({ providers: [...graceMetrics] }).compile()).get(GraceMetrics);
  const series = async () => (await register.metrics()).split('\n').filter((line) => line.startsWith('antiphon_'));
  const state = { state: 'grace', why: 'lost_contact', sinceMs: 0, untilMs: 8_000 } as const;
  metrics.set('lost_contact', { state, restMs: 2_000, restShare: 0.25 });
  expect(await series()).toEqual([
    'antiphon_license_grace_ratio{cause="lost_contact"} 0.25',
    'antiphon_license_grace_seconds{cause="lost_contact"} 2',
  ]);
  metrics.set('lost_contact', undefined);
  expect(await series()).toEqual([]);
});
