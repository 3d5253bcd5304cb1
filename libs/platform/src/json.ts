import { ProblemError } from '@app/protocol';

/** Limits of JSON from callers: levels of nesting, number of fields, number of array items. */
export const jsonLimits: JsonLimits = { depth: 64, fields: 2_000, items: 20_000 };

/** See `jsonLimits`. */
export interface JsonLimits {
  readonly depth: number;
  readonly fields: number;
  readonly items: number;
}

/**
 * Parses JSON from a caller. Throws `bad_request` for text that is not JSON or exceeds one of the limits. They
 * are counted before anything is parsed, so that malicious text costs no more than other text of its length.
 */
export function parseJson(text: string, limits: JsonLimits = jsonLimits): unknown {
  assertWithinLimits(text, limits);
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new ProblemError('bad_request', { detail: 'Send valid JSON.' });
  }
}

const quote = '"'.charCodeAt(0);
const backslash = '\\'.charCodeAt(0);
const colon = ':'.charCodeAt(0);
const comma = ','.charCodeAt(0);
const opening = new Set([...'{['].map((bracket) => bracket.charCodeAt(0)));
const closing = new Set([...'}]'].map((bracket) => bracket.charCodeAt(0)));

function assertWithinLimits(text: string, limits: JsonLimits): void {
  let depth = 0;
  let fields = 0;
  let items = 0;
  let inString = false;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (inString) {
      if (code === backslash) at += 1;
      else if (code === quote) inString = false;
    } else if (code === quote) inString = true;
    else if (code === colon) fields += 1;
    else if (code === comma) items += 1;
    else if (opening.has(code)) depth += 1;
    else if (closing.has(code)) depth -= 1;
    if (depth > limits.depth) throw tooMuch(`${limits.depth} levels of nesting`);
    if (fields > limits.fields) throw tooMuch(`${limits.fields} fields`);
    if (items > limits.items) throw tooMuch(`${limits.items} items`);
  }
}

const tooMuch = (limit: string): ProblemError =>
  new ProblemError('bad_request', { detail: `JSON may have at most ${limit}; send less.` });
