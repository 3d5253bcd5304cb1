import type { ContextEvent, Timestamps } from './context-events';

/**
 * The common fields of all messages about a context except errors. SSE leaves out the id unless the client gave one.
 */
const message = (contextId: string | undefined, done: boolean) => ({
  ...(contextId === undefined ? {} : { context_id: contextId }),
  done,
  status_code: 206,
});

/** The message of an event. The end of a context is sent as `doneMessage` or an error message. */
export function ttsMessage(event: Exclude<ContextEvent, { type: 'ended' }>, contextId?: string): object {
  switch (event.type) {
    case 'audio':
      return {
        type: 'chunk',
        ...message(contextId, false),
        data: event.bytes.toString('base64'),
        step_time: Number(event.stepTimeMs.toFixed(3)),
        ...(event.flushId === undefined ? {} : { flush_id: event.flushId }),
      };
    case 'words':
      return { type: 'timestamps', ...message(contextId, false), word_timestamps: named('words', event.timestamps) };
    case 'phonemes':
      return {
        type: 'phoneme_timestamps',
        ...message(contextId, false),
        phoneme_timestamps: named('phonemes', event.timestamps),
      };
    case 'flushed':
      return { type: 'flush_done', ...message(contextId, false), flush_done: true, flush_id: event.flushId };
  }
}

/** The last message of a context. */
export const doneMessage = (contextId?: string): object => ({ type: 'done', ...message(contextId, true) });

const named = (name: 'words' | 'phonemes', { texts, startSeconds, endSeconds }: Timestamps): object => ({
  [name]: texts,
  start: startSeconds,
  end: endSeconds,
});
