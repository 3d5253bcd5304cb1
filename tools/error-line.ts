import { types } from 'node:util';
import { ProblemError } from '@app/protocol';

/**
 * An error in one line, with every cause in brackets: `fetch failed (connect ECONNREFUSED 127.0.0.1:5000)`. Every command
 * prints its errors by this, since `fetch` keeps the reason of a failure in the cause alone.
 */
export function errorLine(error: unknown): string {
  const [first = '', ...reasons] = messagesOf(error, new Set());
  const isDiskFull =
    !(error instanceof ProblemError) && (error as NodeJS.ErrnoException | undefined)?.code === 'ENOSPC';
  const line = isDiskFull ? 'The disk is full. Make room, then start again.' : first;
  const causes = (isDiskFull ? [first, ...reasons] : reasons).filter((reason) => !line.includes(reason));
  return causes.length > 0 ? `${line} (${causes.join(': ')})` : line;
}

/** The message of an error, then those of its causes. */
function messagesOf(error: unknown, seen: Set<unknown>): string[] {
  if (error === undefined || error === null || seen.has(error)) return [];
  seen.add(error);
  if (!types.isNativeError(error)) return [typeof error === 'string' ? error : JSON.stringify(error)];
  return [messageOf(error), ...messagesOf(error.cause, seen)].filter(Boolean);
}

function messageOf(error: Error): string {
  if (error instanceof ProblemError) return error.detail;
  // Node tries each address of a name; the error that holds their errors has no message.
  if (error.message === '' && 'errors' in error) return (error as AggregateError).errors.map(errorLine).join(', ');
  return error.message.split('\n')[0] || (error as NodeJS.ErrnoException).code || error.name;
}
