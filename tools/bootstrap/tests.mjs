// @ts-check
/** How tests are run, and what was skipped is counted. */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { child, fail, npm, stopCode } from './child.mjs';
import { root } from './root.mjs';

/** @typedef {(command: string, args: readonly string[]) => { command: string, args: string[] }} Enter */

/**
 * Runs jest once for each group, which is names of projects and options; then says what was skipped, and answers with an
 * exit code and how many tests passed and were skipped. In CI a skipped test is a failure.
 * @param {readonly (readonly string[])[]} groups @param {readonly string[]} args of the caller, for every group
 * @param {Enter} [enter] a command line that runs another one in surroundings that the tests need
 */
export async function runGroups(groups, args, enter) {
  let failed = false;
  let passed = 0;
  const skipped = [];
  for (const group of groups) {
    const report = join(root, '.antiphon', `jest-${process.pid}.json`);
    const code = await jest(['--selectProjects', ...group, '--json', `--outputFile=${report}`, ...args], enter);
    failed ||= code !== 0;
    if (existsSync(report)) {
      const results = JSON.parse(readFileSync(report, 'utf8'));
      passed += results.numPassedTests;
      skipped.push(...skippedIn(results));
    }
    rmSync(report, { force: true });
  }
  const ended = (/** @type {number} */ code) => ({ code, passed, skipped: skipped.length });
  const stopped = stopCode();
  if (stopped !== undefined) return ended(stopped);
  for (const line of skipped) console.log(`skipped: ${line}`);
  console.log(`${skipped.length} tests skipped.`);
  if (inCi() && skipped.length > 0) return ended(fail('In CI nothing may be skipped.'));
  return ended(failed ? 1 : 0);
}

export const inCi = () => process.env.CI === 'true';

/** @param {any} results what `jest --json` reports @returns {string[]} full names, which carry the reason */
function skippedIn({ testResults }) {
  return testResults.flatMap((/** @type {any} */ file) =>
    file.assertionResults
      .filter((/** @type {any} */ result) => ['pending', 'todo', 'disabled'].includes(result.status))
      .map((/** @type {any} */ result) => `${relative(root, file.name)}: ${result.fullName}`),
  );
}

/** Lint, types and circular imports, then the tests that need no stack; says what passed. */
export async function check() {
  /** @type {[string, () => Promise<number>][]} */
  const steps = [
    ['lint', () => npm(['run', 'lint'])],
    ['types', () => npm(['run', 'types'])],
    ['circular', () => npm(['run', 'circular'])],
    ['rules', () => jest(['--selectProjects', 'rules'])],
    ['unit', () => jest(['--selectProjects', 'unit'])],
  ];
  const results = [];
  for (const [name, step] of steps) {
    const stopped = stopCode();
    if (stopped !== undefined) return stopped;
    console.log(`\n== ${name}`);
    results.push({ name, passed: (await step()) === 0 });
  }
  console.log('\n' + results.map(({ name, passed }) => `${passed ? 'passed' : 'FAILED'}  ${name}`).join('\n'));
  return results.every(({ passed }) => passed) ? 0 : 1;
}

/** @param {string[]} args @param {Enter} [enter] */
function jest(args, enter = (command, args) => ({ command, args: [...args] })) {
  const all = [join(root, 'node_modules/jest/bin/jest.js'), '--passWithNoTests', ...args];
  const entered = enter(process.execPath, all);
  return child(entered.command, entered.args);
}
