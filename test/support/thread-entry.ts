import { join } from 'node:path';

/** What a decoder thread runs in a test: the source, which a hook compiles. */
export const threadEntry = {
  file: join(__dirname, '../../libs/media/src/decode.worker.ts'),
  execArgv: ['--require', join(__dirname, 'typescript-hook.cjs')],
};
