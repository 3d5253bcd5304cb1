import type { InferenceSession } from 'onnxruntime-node';
import type { EngineSettings } from './engine';

/**
 * The session options of every engine. Threads do not spin while they wait, since engines share the cores of the
 * machine.
 */
export function sessionOptions({
  threads,
  executionProvider,
}: Pick<EngineSettings, 'threads' | 'executionProvider'>): InferenceSession.SessionOptions {
  return {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionProviders: executionProvider === 'cuda' ? ['cuda', 'cpu'] : ['cpu'],
    logSeverityLevel: 3,
    extra: { session: { intra_op: { allow_spinning: '0' } } },
  };
}
