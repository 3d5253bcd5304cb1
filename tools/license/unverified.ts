import type { License } from '@app/licensing';

/** What a licence document states, before its signature is verified; nothing where it is not readable. */
export function claimsOf(text: string): Partial<License> {
  try {
    const claims = JSON.parse(Buffer.from(text.split('.')[1] ?? '', 'base64url').toString()) as Partial<License> | null;
    return claims ?? {};
  } catch {
    return {};
  }
}
