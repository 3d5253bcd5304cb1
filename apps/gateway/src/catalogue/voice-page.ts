import { ProblemError } from '@app/protocol';
import type { Offering } from './catalogue';

const defaultLimit = 10;
const maxLimit = 100;
/** Clients expect a date, and the voices of a release have none of their own. */
const createdAt = '2025-01-01T00:00:00Z';

/** The body of a voice, with the fields of all client versions. */
export function voiceBody(voice: Offering): object {
  const { id, name, description, languages, locale, gender } = voice;
  const country = locale?.split('-')[1] ?? null;
  return {
    id,
    user_id: null,
    name,
    description,
    tagline: description,
    language: languages[0],
    locales: locale ? [{ locale, is_native: true }] : [],
    gender: gender ?? null,
    accent: locale ?? null,
    country,
    is_owner: false,
    is_public: true,
    access: 'public',
    visibility: 'all',
    created_at: createdAt,
  };
}

/**
 * One page of voices: filtered, then cut at the cursors. A page past the end is empty. An unknown cursor is
 * `bad_request`.
 */
export function voicePage(voices: readonly Offering[], query: URLSearchParams): object {
  const limit = limitOf(query.get('limit'));
  const wanted = voices.filter((voice) => matches(voice, query));
  const after = cursorOf(wanted, query.get('starting_after'));
  const before = cursorOf(wanted, query.get('ending_before'));
  const end = before ?? wanted.length;
  const start = before === undefined ? (after ?? -1) + 1 : Math.max(0, before - limit);
  const page = wanted.slice(start, Math.min(end, start + limit));
  const hasMore = before === undefined ? start + page.length < wanted.length : start > 0;
  const edge = before === undefined ? page.at(-1) : page[0];
  return { data: page.map(voiceBody), has_more: hasMore, next_page: hasMore ? (edge?.id ?? null) : null };
}

function matches(voice: Offering, query: URLSearchParams): boolean {
  const search = query.get('q')?.toLowerCase() ?? '';
  const gender = query.get('gender');
  const language = query.get('language')?.split(/[-_]/)[0]?.toLowerCase();
  return (
    `${voice.id} ${voice.name} ${voice.description}`.toLowerCase().includes(search) &&
    (!gender || voice.gender === gender) &&
    (!language || voice.languages.includes(language)) &&
    query.get('is_owner') !== 'true' &&
    query.get('is_starred') !== 'true'
  );
}

function cursorOf(voices: readonly Offering[], id: string | null): number | undefined {
  if (!id) return undefined;
  const index = voices.findIndex((voice) => voice.id === id);
  if (index < 0) throw new ProblemError('bad_request', { detail: 'The cursor names no voice of this list.' });
  return index;
}

function limitOf(text: string | null): number {
  if (text === null) return defaultLimit;
  const limit = Number(text);
  if (Number.isInteger(limit) && limit >= 1 && limit <= maxLimit) return limit;
  throw new ProblemError('bad_request', { detail: `limit must be a whole number from 1 to ${maxLimit}.` });
}
