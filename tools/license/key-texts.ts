/** An API key as the license app shows it. */
export interface KeyView {
  readonly id: string;
  readonly state: string;
  readonly scopes?: readonly string[];
  readonly maxConcurrent?: number;
  readonly monthlyCharacters?: number;
  readonly monthlyAudioSeconds?: number;
  readonly createdAt?: string;
  readonly rotatedAt?: string;
  readonly expiresAt?: string;
  readonly revokedAt?: string;
  readonly previousValidUntil?: string;
  readonly inSeedFile: boolean;
  /** Of the present month (UTC); only in lists. */
  readonly usedCharacters?: number;
  readonly usedAudioSeconds?: number;
}

/** The same with a new key. */
export interface NewKeyView extends KeyView {
  readonly key: string;
}

/** What `key create` prints. */
export const createdText = ({ id, key }: NewKeyView): string =>
  `Created the API key ${id}. It is shown only now:\n${key}`;

/** What `key rotate` prints. */
export function rotatedText({ id, key, previousValidUntil }: NewKeyView): string {
  const old = previousValidUntil === undefined ? 'has ended' : `is valid until ${previousValidUntil}`;
  return `Rotated the API key ${id}. The old key ${old}. The new one is shown only now:\n${key}`;
}

/** What `key revoke` prints. */
export function revokedText({ id, revokedAt = '', inSeedFile }: KeyView): string {
  const text = `Revoked the API key ${id} at ${revokedAt}.`;
  if (!inSeedFile) return text;
  return `${text}
The file of the first keys (API_KEYS_FILE) still lists ${id}. Add "revokedAt": "${revokedAt}" to its entry there.
Without that the key would work again if NATS lost both buckets of keys.`;
}

/** A table of keys. */
export function listText(keys: readonly KeyView[]): string {
  const rows = keys.map((key) => [key.id, key.state, (key.scopes ?? ['licence']).join(','), limits(key), dates(key)]);
  const table = [['ID', 'STATE', 'SCOPES', 'LIMITS', 'DATES'], ...rows];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...table.map((row) => row[column]?.length ?? 0)));
  return table
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function limits({ maxConcurrent, monthlyCharacters, monthlyAudioSeconds, ...used }: KeyView): string {
  const parts = [
    maxConcurrent === undefined ? '' : `${maxConcurrent} at once`,
    monthly(monthlyCharacters, used.usedCharacters, 'characters/month'),
    monthly(monthlyAudioSeconds, used.usedAudioSeconds, 's of audio/month'),
  ];
  return parts.filter(Boolean).join(', ') || '-';
}

function monthly(limit: number | undefined, used: number | undefined, unit: string): string {
  if (limit === undefined) return '';
  return used === undefined ? `${limit} ${unit}` : `${Math.ceil(used)} of ${limit} ${unit}`;
}

function dates({ createdAt, rotatedAt, expiresAt, revokedAt, previousValidUntil }: KeyView): string {
  const parts = [
    ['created', createdAt],
    ['rotated', rotatedAt],
    ['old key until', previousValidUntil],
    ['expires', expiresAt],
    ['revoked', revokedAt],
  ].flatMap(([name, date]) => (date === undefined ? [] : [`${name} ${date}`]));
  return parts.join(', ') || '-';
}
