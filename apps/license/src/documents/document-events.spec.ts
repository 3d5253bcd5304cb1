import { Log } from '@app/platform';
import { DocumentEvents } from './document-events';

it('reports each state of the service once, with its cause', () => {
  const reported: [string, object][] = [];
  const events = new DocumentEvents(
    Log.create('license', 'silent'),
    (type, facts) => void reported.push([type, facts]),
  );
  const grace = { state: 'grace', why: 'expiry', sinceMs: 1, untilMs: 2 } as const;
  events.observe({ state: 'active', untilMs: 1 });
  events.observe({ state: 'active', untilMs: 5 });
  events.observe(grace);
  events.observe({ ...grace, untilMs: 9 });
  events.observe({ ...grace, why: 'lost_contact' });
  events.observe({ state: 'refused', why: 'expired', sinceMs: 2 });
  expect(reported).toEqual([
    ['service_state', { state: 'active' }],
    ['service_state', { state: 'grace', why: 'expiry' }],
    ['service_state', { state: 'grace', why: 'lost_contact' }],
    ['service_state', { state: 'refused', why: 'expired' }],
  ]);
});
