import { DispatchedLanes, RequestLanes, type Broker, type JobLanes, type JobLog } from '@app/broker';
import { dispatchesOf, laneName, ProblemError, type Lane } from '@app/protocol';
import type { Catalogue } from './catalogue/catalogue';
import type { GatewayConfig } from './gateway.config';

/** The lanes of this gateway and the dispatch of their jobs. */
export interface OfferedLanes {
  readonly lanes: readonly Lane[];
  readonly offers: JobLanes;
  /** Withdraws the jobs that no worker has claimed. */
  readonly close: () => void;
}

/** The settings of dispatch. */
type DispatchConfig = Pick<Readonly<GatewayConfig>, 'dispatch' | 'inferenceUrl'>;

/** Throws `config_invalid` for an unknown dispatch, and for request dispatch without INFERENCE_URL. */
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
