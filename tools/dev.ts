import { spawn, type ChildProcess } from 'node:child_process';
import { watch } from 'node:fs';
import { join } from 'node:path';
import type { Stack } from './stack/stack';
import { runUp } from './up';

const apps = ['gateway', 'license', 'inference'] as const;
/** The compiler writes many files for one change. */
const settleMs = 400;

/** `npm run dev`: as `up`, with each app compiled and restarted when its code or a library changes; same options. */
export function main(args: readonly string[], root: string): Promise<number> {
  const compilers: ChildProcess[] = [];
  const started = (stack: Stack): void => {
    for (const app of apps) {
      compilers.push(compile(app, root));
      restartOnChange(app, root, stack);
    }
    console.log('antiphon: reloading on changes');
  };
  return runUp(args, root, started).finally(() => compilers.forEach((compiler) => compiler.kill('SIGTERM')));
}

/** In a group of its own: Ctrl-C reaches the launcher, which ends it last. */
function compile(app: string, root: string): ChildProcess {
  const nest = join(root, 'node_modules/@nestjs/cli/bin/nest.js');
  return spawn(process.execPath, [nest, 'build', app, '--watch', '--preserveWatchOutput'], {
    cwd: root,
    detached: true,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

function restartOnChange(app: string, root: string, stack: Stack): void {
  let timer: NodeJS.Timeout | undefined;
  let restarting = Promise.resolve();
  const restart = async (): Promise<void> => {
    console.log(`antiphon: ${app} changed, restarting it`);
    await stack.restart(app).then(
      () => console.log(`antiphon: ${app} is back`),
      (error: Error) => console.error(`antiphon: ${error.message}`),
    );
  };
  const watcher = watch(join(root, 'dist/apps', app), { recursive: true }, (_, file) => {
    if (!file?.endsWith('.js')) return;
    clearTimeout(timer);
    timer = setTimeout(() => {
      restarting = restarting.then(restart);
    }, settleMs);
  });
  watcher.unref();
}
