import type { GatewayConfig } from '../gateway.config';
import type { Work } from '../scope/request-scope';
import type { ContextLimits } from './tts-context';

type LimitsConfig = Pick<GatewayConfig, 'ttsAheadMs' | 'ttsHeldMs' | 'contextExpiryMs' | 'maxTranscriptCharacters'>;

/** On a socket audio is sent ahead by time. */
export const socketLimits = (config: LimitsConfig): ContextLimits => ({
  aheadMs: config.ttsAheadMs,
  heldMs: config.ttsHeldMs,
  expiryMs: config.contextExpiryMs,
  maxCharacters: config.maxTranscriptCharacters,
});

/** An HTTP answer follows the client's reading alone. */
export const answerLimits = (config: LimitsConfig): ContextLimits => ({
  ...socketLimits(config),
  aheadMs: Infinity,
  heldMs: Infinity,
});

/** A context as a piece of work; `model` is undefined for one that was refused. */
export const contextWork = (model?: string): Work => ({
  kind: 'tts',
  name: 'tts context',
  ...(model === undefined ? {} : { model }),
});
