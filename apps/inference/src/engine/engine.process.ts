import { createVitsEngine, createWhisperEngine } from '@app/speech/engines';
import { EngineHost } from './engine-host';
import type { EngineReply, EngineRequest, EngineSpec } from './engine.messages';
import { VoiceEngines } from './voice-engines';

/** What is common to the hosts of all kinds of engines. */
interface Host {
  start(warmUp: boolean): Promise<void>;
  handle(request: Exclude<EngineRequest<unknown>, { type: 'load' }>): Promise<void>;
}

const reply = (message: EngineReply<unknown>): void => {
  // When the parent is gone nobody waits for it, and `disconnect` ends this process.
  process.send?.(message, () => undefined);
};

function hostOf(spec: EngineSpec): Host {
  switch (spec.kind) {
    case 'tts':
      return new EngineHost((onLoading) => voicesOf(spec, onLoading), reply);
    case 'stt':
      return new EngineHost(() => createWhisperEngine(spec.settings), reply);
  }
}

async function voicesOf(spec: Extract<EngineSpec, { kind: 'tts' }>, onLoading: () => void): Promise<VoiceEngines> {
  const voices = new VoiceEngines((voice) => {
    const modelFolder = spec.voiceFolders[voice];
    if (modelFolder === undefined) throw new Error('the voice is not installed');
    onLoading();
    return createVitsEngine({ ...spec.settings, modelFolder });
  });
  for (const voice of spec.preload) await voices.load(voice);
  return voices;
}

/** Entry of an engine process: it does what its parent says, one message after the other, and ends with it. */
function main(): void {
  let host: Host | undefined;
  let last = Promise.resolve();
  process.on('message', (request: EngineRequest<unknown>) => {
    last = last.then(() => {
      if (request.type !== 'load') return host?.handle(request);
      host = hostOf(request.spec);
      return host.start(request.warmUp);
    });
  });
  process.on('disconnect', () => process.exit());
  // Signals to the whole group are for the parent, which ends this process when no work of it is left.
  process.on('SIGINT', () => undefined);
  process.on('SIGTERM', () => undefined);
}

main();
