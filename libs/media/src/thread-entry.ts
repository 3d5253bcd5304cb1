import { join } from 'node:path';

/** What a decoder thread runs. Tests replace this module, because they run sources that are not compiled. */
export const threadEntry: { readonly file: string; readonly execArgv: string[] } = {
  file: join(__dirname, './decode.worker.js'),
  execArgv: [],
};
