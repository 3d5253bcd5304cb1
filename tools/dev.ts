import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { readCompilerOutput } from './dev/compiler-output';
import { errorLine } from './error-line';
import { upHelp } from './stack/options';
import type { Stack } from './stack/stack';
import { runUp } from './up';

const apps = ['gateway', 'license', 'inference'] as const;

const help = `npm run dev -- [OPTIONS]

Starts the stack like \`npm run up\`. Compiles and restarts an app when its code or a library changes. The options are the same:

${upHelp}`;

/** `npm run dev`: as `up`, with each app compiled and restarted when its code or a library changes; same options. */
export function main(args: readonly string[], root: string): Promise<number> {
  if (args.includes('--help') || args.includes('-h')) {
    console.log(help);
    return Promise.resolve(0);
  }
  const compilers: ChildProcess[] = [];
  const started = (stack: Stack): void => {
    for (const app of apps) compilers.push(restartOnChange(app, root, stack));
    console.log('antiphon: reloading on changes');
  };
  return runUp(args, root, started).finally(() => compilers.forEach((compiler) => compiler.kill('SIGTERM')));
}

/** One restart after the other; a change during one leads to the next. */
function restartOnChange(app: string, root: string, stack: Stack): ChildProcess {
  let restarting = Promise.resolve();
  const restart = (): Promise<void> => {
    console.log(`antiphon: ${app} changed, restarting it`);
    return stack.restart(app).catch((error: unknown) => console.error(`antiphon: ${errorLine(error)}`));
  };
  const compiler = compile(app, root);
  const read = readCompilerOutput({
    onChanged: () => {
      restarting = restarting.then(restart);
    },
    onError: (line) => console.error(line),
  });
  if (compiler.stdout) createInterface({ input: compiler.stdout }).on('line', read);
  return compiler;
}

/** In a group of its own: Ctrl-C reaches the launcher, which ends it last. */
function compile(app: string, root: string): ChildProcess {
  const nest = join(root, 'node_modules/@nestjs/cli/bin/nest.js');
  return spawn(process.execPath, [nest, 'build', app, '--watch', '--preserveWatchOutput'], {
    cwd: root,
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}
