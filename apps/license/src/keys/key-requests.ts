import { ArrayMinSize, IsIn, IsInt, Matches, Max, Min } from 'class-validator';
import { ApiKeySettings, IfPresent, keyScopes, type ApiKeyRecord } from '@app/licensing';
import { idPattern } from '@app/protocol';

const maxOverlapSeconds = 30 * 24 * 60 * 60;

/** Body of `POST /keys`. */
export class CreateKeyRequest extends ApiKeySettings {
  @Matches(idPattern, { message: 'id must have 1 to 64 letters, digits, dashes and underscores' })
  id!: string;

  @IfPresent()
  @IsIn([...keyScopes], { each: true })
  @ArrayMinSize(1)
  declare scopes?: string[];
}

/** Body of `POST /keys/ID/rotate`; it may be left out. */
export class RotateKeyRequest {
  /** How long the present key stays valid beside the new one. */
  @IsInt()
  @Min(0)
  @Max(maxOverlapSeconds)
  overlapSeconds = 24 * 60 * 60;
}

/** An API key as the API shows it: neither the key nor its hash. Absent: not set. */
export interface KeyView extends Pick<
  ApiKeyRecord,
  | 'id'
  | 'scopes'
  | 'maxConcurrent'
  | 'monthlyCharacters'
  | 'monthlyAudioSeconds'
  | 'createdAt'
  | 'rotatedAt'
  | 'expiresAt'
> {
  readonly state: 'active' | 'expired' | 'revoked';
  readonly revokedAt?: string;
  /** End of the overlap of the key that the last rotation replaced, while it lasts. */
  readonly previousValidUntil?: string;
  /** Whether the file of the first keys still lists the key without `revokedAt`. */
  readonly inSeedFile: boolean;
}

/** A key with what it used in the present month (UTC); absent until the license app has read the usage. */
export interface ListedKeyView extends KeyView {
  readonly usedCharacters?: number;
  readonly usedAudioSeconds?: number;
}

/** An answer that shows a new key, once. */
export interface NewKeyView extends KeyView {
  readonly key: string;
}
