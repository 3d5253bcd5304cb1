import { DispatchedLanes, RequestLanes, type Broker, type JobLanes, type JobLog } from '@app/broker';
import { dispatchesOf, laneName, ProblemError, type Lane } from '@app/protocol';
import type { Catalogue } from './catalogue/catalogue';
import type { GatewayConfig } from './gateway.config';

/** The lanes of this gateway, and how their jobs are offered. */
export interface OfferedLanes {
  readonly lanes: readonly Lane[];
  readonly offers: JobLanes;
  /** Withdraws what is still offered. */
  readonly close: () => void;
}

/** What the configuration says of dispatch. */
type DispatchConfig = Pick<Readonly<GatewayConfig>, 'dispatch' | 'inferenceUrl'>;

/** Throws `config_invalid` for a dispatch that is none, and where a function is to be offered by requests that have no address. */
export function offeredLanes(
  catalogue: Pick<Catalogue, 'lanes'>,
  config: DispatchConfig,
  broker: Broker,
  log: JobLog,
): OfferedLanes {
  const { lanes } = catalogue;
  const dispatches = dispatchesFrom(config);
  const isRequested = ({ kind }: Lane): boolean => dispatches.get(kind) === 'request';
  const requested = lanes.filter(isRequested);
  if (requested.length === 0) return { lanes, offers: broker, close: () => undefined };
  const { inferenceUrl } = config;
  if (inferenceUrl === undefined) {
    const detail = `INFERENCE_URL must be set: jobs of ${requested.map(laneName).join(', ')} are sent to the inference service.`;
    throw new ProblemError('config_invalid', { detail });
  }
  const requests = new RequestLanes({ url: inferenceUrl, log });
  const offers = new DispatchedLanes((lane) => (isRequested(lane) ? requests : broker));
  return { lanes, offers, close: () => requests.close() };
}

function dispatchesFrom({ dispatch }: DispatchConfig): ReturnType<typeof dispatchesOf> {
  try {
    return dispatchesOf(dispatch);
  } catch (cause) {
    throw new ProblemError('config_invalid', { detail: `DISPATCH: ${(cause as Error).message}.`, cause });
  }
}
