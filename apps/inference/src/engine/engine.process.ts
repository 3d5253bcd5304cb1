import { loadEngine, type EngineStep } from '@app/speech/engines';
import { EngineHost } from './engine-host';
import type { EngineReply, EngineRequest } from './engine.messages';

const reply = (message: EngineReply<unknown>): void => {
  // When the parent is gone nobody waits for it, and `disconnect` ends this process.
  process.send?.(message, () => undefined);
};

/** Entry of an engine process: it does what its parent says, one message after the other, and ends with it. */
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
  // Signals to the whole group are for the parent, which ends this process when no work of it is left.
  process.on('SIGINT', () => undefined);
  process.on('SIGTERM', () => undefined);
}

main();
