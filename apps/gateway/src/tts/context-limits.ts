import type { GatewayConfig } from '../gateway.config';
import type { Work } from '../scope/request-scope';
import type { ContextLimits } from './tts-context';

type LimitsConfig = Pick<GatewayConfig, 'ttsAheadMs' | 'ttsHeldMs' | 'contextExpiryMs' | 'maxTranscriptCharacters'>;

/** The limits on a socket: audio is paced by its playing time. */
export const socketLimits = (config: LimitsConfig): ContextLimits => ({
  aheadMs: config.ttsAheadMs,
  heldMs: config.ttsHeldMs,
  expiryMs: config.contextExpiryMs,
  maxCharacters: config.maxTranscriptCharacters,
});

/** The limits of an HTTP response: it is paced only by how fast the client reads. */
export const answerLimits = (config: LimitsConfig): ContextLimits => ({
  ...socketLimits(config),
  aheadMs: Infinity,
  heldMs: Infinity,
});

/** The description of a context as work. `model` is undefined if the request was refused. */
export const contextWork = (model?: string): Work => ({
  kind: 'tts',
  name: 'tts context',
  ...(model === undefined ? {} : { model }),
});
