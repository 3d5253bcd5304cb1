import { loadEngine, type EngineStep } from '@app/speech/engines';
import { EngineHost } from './engine-host';
import type { EngineReply, EngineRequest } from './engine.messages';

const reply = (message: EngineReply<unknown>): void => {
  // If the parent is gone, `disconnect` ends this process, and nobody reads the message.
  process.send?.(message, () => undefined);
};

/** Entry of an engine process. It handles the messages of its parent one after another and ends with its parent. */
function main(): void {
  let host: EngineHost<EngineStep, unknown> | undefined;
  let last = Promise.resolve();
  process.on('message', (request: EngineRequest<EngineStep>) => {
    last = last.then(() => {
      if (request.type !== 'load') return host?.handle(request);
      const { spec } = request;
      host = new EngineHost((onLoading) => loadEngine(spec.engine, spec, onLoading), reply);
      return host.start(request.warmUp);
    });
  });
  process.on('disconnect', () => process.exit());
  // The parent handles signals to the process group. It ends this process when no work is left.
  process.on('SIGINT', () => undefined);
  process.on('SIGTERM', () => undefined);
}

main();
