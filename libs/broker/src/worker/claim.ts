import { ClaimGranted, encodeFrame, heartbeatIntervalMs, subjects } from '@app/protocol';
import type { Broker } from '../broker';
import { readFrame } from '../wire';
import type { GatewayWatch } from './gateway-watch';
import type { JobAddress } from './job-codec';

const claimTimeoutMs = 1_000;
/** Pause before a job without an answer to its claim is offered again, in milliseconds. */
const unclaimedDelayMs = { alive: 100, unheard: heartbeatIntervalMs };

/** The worker that claims a job. */
export interface Claimant {
  readonly broker: Broker;
  readonly workerId: string;
  readonly gateways: GatewayWatch;
}

/** The answer to a claim. `gone`: nobody waits for the job. `none`: it may be offered again after the delay. */
export type ClaimAnswer =
  | { readonly answer: 'granted'; readonly granted: ClaimGranted }
  | { readonly answer: 'gone' }
  | { readonly answer: 'none'; readonly delayMs: number };

/** Asks the session for a delivered job. Never rejects. A job whose gateway is dead is gone. */
export async function claim(
  { broker, workerId, gateways }: Claimant,
  { jobId, gatewayId }: JobAddress,
  sequence: number,
): Promise<ClaimAnswer> {
  const request = encodeFrame({ workerId, sequence });
  const reply = await broker.request(subjects.claim(gatewayId, jobId), request, claimTimeoutMs).catch(() => undefined);
  const granted = reply && readFrame(ClaimGranted, reply)?.header;
  if (granted) return { answer: 'granted', granted };
  const gateway = gateways.stateOf(gatewayId);
  if (reply || gateway === 'dead') return { answer: 'gone' };
  return { answer: 'none', delayMs: unclaimedDelayMs[gateway] };
}
