/** Why a request to the licence endpoint got no usable answer. */
type Unreachable =
  /** Its name is not known. */
  | 'dns'
  /** Its certificate is not trusted, or TLS failed. */
  | 'tls'
  /** The proxy cannot be reached, or refuses to connect. */
  | 'proxy'
  | 'timeout'
  /** No connection, or it was cut. */
  | 'connection'
  /** What came is no answer of a licence endpoint, or too long. */
  | 'answer';

/** What became of a request to the licence endpoint. Contains no secret: it is logged and shown on /status. */
export type VendorOutcome<T> =
  | { readonly outcome: 'answered'; readonly answer: T }
  /** `code` is the error code of the endpoint, or `http_STATUS`. */
  | { readonly outcome: 'refused'; readonly status: number; readonly code: string }
  /** `detail` is the error code of Node or undici. */
  | { readonly outcome: 'unreachable'; readonly reason: Unreachable; readonly detail: string };

export type VendorFailure = Exclude<VendorOutcome<never>, { outcome: 'answered' }>;

/** A failure in a few words, for the log and /status. */
export const whyOf = (failure: VendorFailure): string =>
  failure.outcome === 'refused' ? failure.code : `${failure.reason}: ${failure.detail}`;

/** Marks an error of the connection to the proxy. */
export class ProxyFailed extends Error {}

const dnsCodes = new Set(['ENOTFOUND', 'EAI_AGAIN', 'EAI_FAIL', 'EAI_NODATA']);
const timeoutCodes = new Set([
  'ETIMEDOUT',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
]);
const answerCodes = new Set(['UND_ERR_RES_EXCEEDED_MAX_SIZE', 'UND_ERR_RESPONSE']);
const tlsCode =
  /^(ERR_TLS|ERR_SSL|EPROTO|CERT_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|INVALID_CA|HOSTNAME_MISMATCH|INVALID_PURPOSE)/;

/** What is read of an error of Node or undici, whichever class it has. */
interface Fault {
  readonly name?: unknown;
  readonly code?: unknown;
  readonly message?: unknown;
  readonly cause?: unknown;
}

/** The failure that an error of undici stands for. Its message is left out: it may name what nobody should read. */
export function unreachable(error: unknown): VendorFailure {
  const chain = causes(error);
  const isTimeout = chain.some(({ name }) => name === 'TimeoutError');
  const code = chain.map((each) => each.code).find((each) => typeof each === 'string');
  const status = chain.map(refusedByProxy).find((each) => each !== undefined);
  const detail = isTimeout ? 'no_answer' : status ? `http_${status}` : (code ?? 'unknown');
  return { outcome: 'unreachable', reason: isTimeout ? 'timeout' : reasonOf(chain, detail), detail };
}

function reasonOf(chain: readonly Fault[], code: string): Unreachable {
  if (timeoutCodes.has(code)) return 'timeout';
  if (code === 'UND_ERR_PRX_TLS' || chain.some(isOfProxy)) return 'proxy';
  if (dnsCodes.has(code)) return 'dns';
  if (tlsCode.test(code)) return 'tls';
  return answerCodes.has(code) || code.startsWith('HPE_') ? 'answer' : 'connection';
}

const isOfProxy = (fault: Fault): boolean => fault instanceof ProxyFailed || refusedByProxy(fault) !== undefined;

/** The status with which a proxy refused CONNECT; undici has it in the message only. */
const refusedByProxy = ({ message }: Fault): string | undefined =>
  /^Proxy response \((\d{3})\)/.exec(String(message))?.[1];

/** The error and what caused it, from the outside in. */
function causes(error: unknown): Fault[] {
  const chain: Fault[] = [];
  for (let each = error; typeof each === 'object' && each !== null && chain.length < 5; each = (each as Fault).cause) {
    chain.push(each);
  }
  return chain;
}
