/** Why a request to the licence endpoint got no usable answer. */
export type Unreachable =
  /** Its name, or that of the proxy, is not known. */
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

/** Marks an error of the connection to the proxy. */
export class ProxyFailed extends Error {}

const dnsCodes = new Set(['ENOTFOUND', 'EAI_AGAIN', 'EAI_FAIL', 'EAI_NODATA']);
const timeoutCodes = new Set(['ETIMEDOUT', 'UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT']);
const answerCodes = new Set(['UND_ERR_RES_EXCEEDED_MAX_SIZE', 'UND_ERR_RESPONSE']);
const tlsCode = /^(ERR_TLS|ERR_SSL|EPROTO|CERT_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|INVALID_CA|HOSTNAME_MISMATCH|INVALID_PURPOSE)/;

/** The failure that an error of undici stands for. Its message is left out: it may name what nobody should read. */
export function unreachable(error: unknown): VendorFailure {
  const chain = causes(error);
  const code = chain.flatMap((each) => each.code ?? [])[0] ?? chain[0]?.name ?? 'unknown';
  return { outcome: 'unreachable', reason: reasonOf(chain, code), detail: code };
}

function reasonOf(chain: readonly NodeJS.ErrnoException[], code: string): Unreachable {
  if (chain.some(({ name }) => name === 'TimeoutError') || timeoutCodes.has(code)) return 'timeout';
  if (chain.some((each) => each instanceof ProxyFailed || each.message.startsWith('Proxy response'))) return 'proxy';
  if (code === 'UND_ERR_PRX_TLS') return 'proxy';
  if (dnsCodes.has(code)) return 'dns';
  if (tlsCode.test(code)) return 'tls';
  return answerCodes.has(code) || code.startsWith('HPE_') ? 'answer' : 'connection';
}

/** The error and what caused it, from the outside in. */
function causes(error: unknown): NodeJS.ErrnoException[] {
  const chain: NodeJS.ErrnoException[] = [];
  for (let each = error; each instanceof Error && chain.length < 5; each = each.cause) chain.push(each);
  return chain;
}
