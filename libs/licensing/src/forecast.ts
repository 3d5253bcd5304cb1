import { problems, type ProblemCode } from '@app/protocol';
import {
  dayMs,
  licenseInForce,
  serviceState,
  timeUsedMs,
  type RefusalCause,
  type ServiceFacts,
  type ServiceState,
} from './service-state';

/** A state that begins at a time, and the licence that counts then. */
export interface Transition {
  readonly atMs: number;
  readonly state: ServiceState;
  /** `jti` of the licence in force; undefined without one. */
  readonly licenseId: string | undefined;
}

/** What a new request gets in a state. */
export type ClientAnswer =
  { readonly status: 200 } | { readonly status: number; readonly code: ProblemCode; readonly message: string };

/** A transition, and what clients see from then on. */
export interface RehearsedTransition extends Transition {
  readonly answer: ClientAnswer;
}

const codes: Record<RefusalCause, ProblemCode> = {
  expired: 'license_expired',
  lost_contact: 'license_contact_lost',
  not_yet_valid: 'license_not_yet_valid',
  revoked: 'license_revoked',
  no_license: 'license_missing',
};

/** The code of the 402 that a new request gets, or undefined where the state admits it. */
export const refusalCode = (state: ServiceState): ProblemCode | undefined =>
  state.state === 'refused' ? codes[state.why] : undefined;

/** What a new request gets in a state. */
function clientAnswer(state: ServiceState): ClientAnswer {
  const code = refusalCode(state);
  return code === undefined
    ? { status: 200 }
    : { status: problems[code].status, code, message: problems[code].message };
}

/** Every transition after the time of the facts, in order, if nothing changes: no check-in, no other licence. */
export function forecast(facts: ServiceFacts): Transition[] {
  const fromMs = timeUsedMs(facts);
  const transitions: Transition[] = [];
  let last = standing(facts, fromMs);
  for (const atMs of datesOf(facts).filter((dateMs) => dateMs > fromMs)) {
    const next = standing(facts, atMs);
    if (!isSame(last, next)) transitions.push(next);
    last = next;
  }
  return transitions;
}

/** The state of now and every transition up to a time, each with what clients would see. */
export const rehearse = (facts: ServiceFacts, asOfMs: number): RehearsedTransition[] =>
  [standing(facts, timeUsedMs(facts)), ...forecast(facts).filter(({ atMs }) => atMs <= asOfMs)].map((transition) => ({
    ...transition,
    answer: clientAnswer(transition.state),
  }));

/** The state of now. `untilMs` is when it ends if nothing changes, by whichever licence counts then. */
export function currentState(facts: ServiceFacts): ServiceState {
  const state = serviceState(facts);
  if (state.state === 'refused') return state;
  const next = forecast(facts).find((transition) => !isSameState(transition.state, state));
  return { ...state, untilMs: next?.atMs ?? state.untilMs };
}

/** The published end: when new requests are refused if nothing changes; the time of the facts where they are refused now. */
export function serviceEndMs(facts: ServiceFacts): number {
  if (serviceState(facts).state === 'refused') return timeUsedMs(facts);
  return forecast(facts).find(({ state }) => state.state === 'refused')?.atMs ?? Infinity;
}

function standing(facts: ServiceFacts, atMs: number): Transition {
  const state = serviceState({ ...facts, nowMs: atMs });
  return { atMs, state, licenseId: licenseInForce(facts.licenses, atMs)?.jti };
}

/** Every moment at which the state can change, in order. */
function datesOf({ licenses, lease }: ServiceFacts): number[] {
  const dates = licenses.flatMap(({ nbf, exp, grace }) => {
    const lost = lease?.exp ?? nbf;
    return [nbf, exp, lost]
      .map((second) => second * 1_000)
      .concat([exp * 1_000 + grace.expiryDays * dayMs, lost * 1_000 + grace.lostContactDays * dayMs]);
  });
  return [...new Set(dates)].sort((a, b) => a - b);
}

/** `untilMs` of an active state moves with the machine that ends first, which is no transition. */
const isSame = (a: Transition, b: Transition): boolean => a.licenseId === b.licenseId && isSameState(a.state, b.state);

const isSameState = (a: ServiceState, b: ServiceState): boolean =>
  a.state === b.state && ('why' in a ? a.why : '') === ('why' in b ? b.why : '');
