import type { RefusalCause } from '@app/licensing';
import { standingOf, standings } from './standing';

const causes: readonly RefusalCause[] = ['expired', 'lost_contact', 'revoked', 'not_yet_valid', 'no_license'];

it('tells every reason of a refusal apart, and each from grace and service', () => {
  const named = [
    standingOf({ state: 'active', untilMs: 1 }),
    standingOf({ state: 'grace', why: 'expiry', sinceMs: 0, untilMs: 1 }),
    ...causes.map((why) => standingOf({ state: 'refused', why, sinceMs: 0 })),
  ];
  expect(named).toEqual(['valid', 'in_grace', 'expired', 'contact_lost', 'revoked', 'not_yet_valid', 'missing']);
  expect([...named].sort()).toEqual([...standings].sort());
});
