// @ts-check
/** Child processes that signals reach, and what a shell reports of them. */
import { Buffer } from 'node:buffer';
import { spawn } from 'node:child_process';
import { root } from './root.mjs';

/** The signal that ended this command early; nothing is started after it. @type {NodeJS.Signals | undefined} */
let stopSignal;
/** What a shell reports for a program ended by a signal. @type {Partial<Record<NodeJS.Signals, number>>} */
const exitCodes = { SIGINT: 130, SIGTERM: 143 };

/** The exit code of a command that a signal ended early; undefined while none did. @returns {number | undefined} */
export const stopCode = () => (stopSignal ? (exitCodes[stopSignal] ?? 1) : undefined);

/** Prints a line as an error. @param {string} line @returns {number} the exit code of a failure */
export function fail(line) {
  console.error(line);
  return 1;
}

/** @param {string[]} args @param {boolean} [quiet] */
export function npm(args, quiet = false) {
  const own = process.env.npm_execpath;
  const arguments_ = ['--loglevel=error', ...args];
  return own?.endsWith('.js') ? child(process.execPath, [own, ...arguments_], quiet) : child('npm', arguments_, quiet);
}

/**
 * Runs a program to its end and gives its exit code; quiet shows its output only if it failed.
 * Ctrl-C reaches it from the terminal itself; signals sent to this process alone are passed on.
 * @param {string} command @param {string[]} args @param {boolean} [quiet] @returns {Promise<number>}
 */
export function child(command, args, quiet = false) {
  const stopped = stopCode();
  if (stopped !== undefined) return Promise.resolve(stopped);
  const started = spawn(command, args, { cwd: root, stdio: quiet ? ['ignore', 'pipe', 'pipe'] : 'inherit' });
  /** @type {Buffer[]} */
  const output = [];
  started.stdout?.on('data', (data) => output.push(data));
  started.stderr?.on('data', (data) => output.push(data));
  const passOn = (/** @type {NodeJS.Signals} */ signal) => {
    stopSignal = signal;
    // A terminal has given Ctrl-C to the whole group already.
    if (signal === 'SIGTERM' || !process.stdin.isTTY) started.kill(signal);
  };
  process.on('SIGTERM', passOn).on('SIGINT', passOn);
  return new Promise((resolve) => {
    started.once('error', (error) => resolve(fail(`${command} could not be started: ${error.message}`)));
    started.once('close', (code, signal) => {
      process.off('SIGTERM', passOn).off('SIGINT', passOn);
      if (code !== 0) process.stderr.write(Buffer.concat(output));
      resolve(code ?? exitCodes[signal ?? 'SIGTERM'] ?? 1);
    });
  });
}
