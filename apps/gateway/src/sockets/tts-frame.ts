import { randomUUID } from 'node:crypto';
import { IsBoolean, IsOptional, IsString } from 'class-validator';
import { parseJson } from '@app/platform';
import { ProblemError, validated } from '@app/protocol';

const maxContextIdCharacters = 512;

/** The control fields of every message about a context. */
class ContextFields {
  @IsOptional()
  @IsString()
  transcript?: string | null;

  @IsOptional()
  @IsBoolean()
  continue?: boolean | null;

  @IsOptional()
  @IsBoolean()
  flush?: boolean | null;
}

/** An unchecked message about a context. */
export type TtsFrame = Readonly<Record<string, unknown>>;

/** The commands of a message for its context. */
export interface ContextCommand {
  readonly text: string;
  readonly isBlank: boolean;
  readonly isFlush: boolean;
  /** Whether it is the last message with text. */
  readonly isClosing: boolean;
}

/** Throws `bad_request` for text that is not a JSON object. */
export function readFrame(text: string): TtsFrame {
  const message = parseJson(text);
  if (typeof message !== 'object' || message === null || Array.isArray(message)) {
    throw new ProblemError('bad_request', { detail: 'A message must be a JSON object.' });
  }
  return message as TtsFrame;
}

/** The id of the context. A message without an id gets a new one. Throws `bad_request`. */
export function contextIdOf(message: TtsFrame): string {
  const id = message.context_id ?? randomUUID();
  if (typeof id === 'string' && id.length > 0 && id.length <= maxContextIdCharacters) return id;
  const detail = `context_id must be a string of 1 to ${maxContextIdCharacters} characters.`;
  throw new ProblemError('bad_request', { detail });
}

/** Throws `bad_request`. */
export function commandOf(message: TtsFrame): ContextCommand {
  const fields = validated(ContextFields, message);
  const text = fields.transcript ?? '';
  const isFlush = fields.flush === true;
  const isClosing = fields.continue === false || (fields.continue !== true && !isFlush);
  return { text, isBlank: text.trim() === '', isFlush, isClosing };
}
