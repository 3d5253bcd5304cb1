/** What a caller receives for a problem, and how the apps treat it. */
export interface ProblemRow {
  /** HTTP status, and `status_code` on sockets. */
  readonly status: number;
  /** WebSocket close code, used if the problem ends the whole socket. */
  readonly closeCode: number;
  readonly title: string;
  /** One or two sentences that say what to do. A detail may replace it. */
  readonly message: string;
  /** Whether the same request may succeed if sent again. */
  readonly retryable: boolean;
}

const row = (status: number, closeCode: number, title: string, message: string, retryable = false): ProblemRow => ({
  status,
  closeCode,
  title,
  message,
  retryable,
});

/** Every problem a caller or an operator can meet, by its stable code. `docs/errors.md` lists the same. */
export const problems = {
  bad_request: row(400, 1008, 'Bad request', 'Correct the request and send it again.'),
  transcript_empty: row(400, 1008, 'Empty transcript', 'Send a transcript with at least one letter or digit.'),
  model_not_found: row(400, 1008, 'Invalid model', 'Use a model of this server, or an alias such as sonic-* or ink-*.'),
  language_not_supported: row(400, 1008, 'Language not supported', 'Use a language that the model or voice supports.'),
  audio_not_supported: row(
    400,
    1003,
    'Audio not supported',
    'Send WAV, MP3, M4A, AAC, FLAC, Ogg or WebM, or raw PCM with encoding and sample_rate.',
  ),
  key_missing: row(
    401,
    1008,
    'No credentials',
    'Send an API key as Authorization: Bearer, as X-API-Key or as api_key.',
  ),
  key_unknown: row(401, 1008, 'Unknown credentials', 'Check the API key. This server does not know it.'),
  key_expired: row(401, 1008, 'Expired credentials', 'Ask the operator for another API key. This one has expired.'),
  key_revoked: row(401, 1008, 'Revoked credentials', 'Ask the operator for another API key. This one was revoked.'),
  token_expired: row(401, 1008, 'Access token expired', 'Get a new access token with POST /access-token.'),
  license_expired: row(402, 1008, 'Licence expired', 'Ask the operator to install a current licence.'),
  license_contact_lost: row(
    402,
    1008,
    'Licence contact lost',
    'Ask the operator to restore the connection of the license app to the licence endpoint.',
  ),
  license_revoked: row(
    402,
    1008,
    'Licence revoked',
    'Ask the operator for another licence. The issuer revoked this one.',
  ),
  license_not_yet_valid: row(
    402,
    1008,
    'Licence not yet valid',
    'Ask the operator to install a licence that has begun.',
  ),
  license_missing: row(402, 1008, 'No licence', 'Ask the operator to install a licence.'),
  license_quota_exceeded: row(
    402,
    1008,
    'Limit of the licence used up',
    'Wait for the next month, or ask the operator for a licence with a higher monthly limit.',
  ),
  feature_not_licensed: row(403, 1008, 'Feature not licensed', 'Ask the operator for a licence that has this feature.'),
  model_not_licensed: row(403, 1008, 'Model not licensed', 'Use a model that the licence names, or ask the operator.'),
  scope_missing: row(403, 1008, 'Scope missing', 'Use an API key that has the scope of this call.'),
  token_not_allowed: row(
    403,
    1008,
    'Token not allowed',
    'Use an API key, or an access token whose grants name what this call does.',
  ),
  not_found: row(404, 1008, 'Not found', 'Check the path and the id.'),
  voice_not_found: row(404, 1008, 'Voice not found', 'Use a voice that GET /voices lists.'),
  request_timeout: row(408, 1008, 'Request too slow', 'Send the whole body without pauses.', true),
  key_conflict: row(409, 1008, 'Conflict with an API key', 'List the API keys, then choose another id.'),
  license_conflict: row(409, 1008, 'Conflict with a licence', 'Install a licence that is newer than the one in force.'),
  audit_conflict: row(409, 1008, 'Audit log conflict', 'Forward the records as they were written.'),
  too_large: row(413, 1009, 'Too large', 'Send less data in one request.'),
  media_type_not_supported: row(415, 1003, 'Media type not supported', 'Send the media type that this call documents.'),
  concurrency_limited: row(429, 1013, 'Too many concurrent requests', 'Try again after Retry-After seconds.', true),
  quota_exceeded: row(
    429,
    1008,
    'Monthly limit used up',
    'Wait for the next month, or ask the operator for an API key with a higher monthly limit.',
  ),
  cancelled: row(499, 1000, 'Cancelled', 'The caller cancelled the request.'),
  internal: row(500, 1011, 'Internal error', 'Try again. If it persists, give the operator the request id.', true),
  job_quarantined: row(500, 1011, 'Request failed repeatedly', 'Change the request: it stopped several workers.'),
  worker_unavailable: row(503, 1013, 'No worker available', 'Try again after Retry-After seconds.', true),
  deadline_exceeded: row(503, 1013, 'No worker in time', 'Try again after Retry-After seconds.', true),
  draining: row(503, 1012, 'Server is stopping', 'Connect again. Another server will answer.', true),
  bus_unavailable: row(503, 1013, 'Message bus unavailable', 'Try again after Retry-After seconds.', true),
  license_unavailable: row(503, 1013, 'Licence service unavailable', 'Try again after Retry-After seconds.', true),
  audit_log_full: row(
    503,
    1013,
    'Audit log full',
    'Try again later. The operator has to make room for the audit log.',
    true,
  ),
  usage_unavailable: row(503, 1013, 'Usage not recorded', 'Try again after Retry-After seconds.', true),
  config_invalid: row(
    500,
    1011,
    'Configuration invalid',
    'Correct the configuration variables. --help of each app lists them.',
  ),
  port_taken: row(500, 1011, 'Port taken', 'Choose another port, or stop the process that uses it.'),
  license_invalid: row(400, 1008, 'Licence invalid', 'Install a licence document that a trusted issuer signed.'),
  tool_missing: row(500, 1011, 'Tool missing', 'Install the missing tool.'),
  disk_full: row(500, 1011, 'Disk full', 'Free space on the disk, then start again.'),
  artifact_unavailable: row(503, 1011, 'Artifact unavailable', 'Fetch it with: npm run models -- get ID', true),
  artifact_corrupt: row(500, 1011, 'Artifact corrupt', 'Fetch it again with: npm run models -- get ID'),
} as const satisfies Record<string, ProblemRow>;

/** A stable, snake_case name of a problem. */
export type ProblemCode = keyof typeof problems;

/** Whether a string from outside is a code of the table. */
export const isProblemCode = (code: string): code is ProblemCode => Object.hasOwn(problems, code);

/** The only error that callers see. They receive `detail`. `cause` goes to logs only. */
export class ProblemError extends Error {
  override readonly name = 'ProblemError';
  readonly detail: string;
  /** Seconds after which a retry makes sense; undefined if unknown. */
  readonly retryAfterSeconds: number | undefined;

  constructor(
    readonly code: ProblemCode,
    options: { detail?: string; cause?: unknown; retryAfterSeconds?: number } = {},
  ) {
    const detail = options.detail ?? problems[code].message;
    super(`${code}: ${detail}`, { cause: options.cause });
    this.detail = detail;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }

  get row(): ProblemRow {
    return problems[this.code];
  }

  /** Returns a problem unchanged, and any other error as `internal` with the original as cause. */
  static from(error: unknown): ProblemError {
    return error instanceof ProblemError ? error : new ProblemError('internal', { cause: error });
  }
}
