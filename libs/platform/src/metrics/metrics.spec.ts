import { Test } from '@nestjs/testing';
import { register } from 'prom-client';
import { errorMetrics } from './error-metrics';

it('exports every problem before it happens, so that its first time is a rise', async () => {
  const testing = await Test.createTestingModule({ providers: [...errorMetrics] }).compile();
  await testing.init();
  expect(await register.metrics()).toContain('antiphon_errors_total{code="job_quarantined"} 0');
});
