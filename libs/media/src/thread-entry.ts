import { join } from 'node:path';
// The compiler must know the file to write it. Nothing imports it at run time.
import type {} from './decode.worker';

/** What a decoder thread runs. Tests replace this module, because they run sources that are not compiled. */
export const threadEntry: { readonly file: string; readonly execArgv: string[] } = {
  file: join(__dirname, './decode.worker.js'),
  execArgv: [],
};
