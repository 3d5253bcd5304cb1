import type { RefusalCause, ServiceState } from '@app/licensing';

/** The values of the label `standing`. */
export const standings = [
  'valid',
  'in_grace',
  'expired',
  'contact_lost',
  'revoked',
  'not_yet_valid',
  'missing',
] as const;
export type Standing = (typeof standings)[number];

const refused: Record<RefusalCause, Standing> = {
  expired: 'expired',
  lost_contact: 'contact_lost',
  revoked: 'revoked',
  not_yet_valid: 'not_yet_valid',
  no_license: 'missing',
};

/** The state of the service under the name that its metric has. */
export function standingOf(state: ServiceState): Standing {
  if (state.state === 'active') return 'valid';
  return state.state === 'grace' ? 'in_grace' : refused[state.why];
}
