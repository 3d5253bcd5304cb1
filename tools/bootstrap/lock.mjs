// @ts-check
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * Does a work while no other process does one under the same lock, so that two starts do not install or build over each
 * other.
 * @param {string} lock a file @param {() => Promise<void>} work
 */
export async function alone(lock, work) {
  const mine = `${lock}.${process.pid}`;
  mkdirSync(dirname(lock), { recursive: true });
  writeFileSync(mine, String(process.pid));
  try {
    while (!acquired(mine, lock)) await delay(200);
    await work().finally(() => rmSync(lock, { force: true }));
  } finally {
    rmSync(mine, { force: true });
  }
}

/** @param {string} mine @param {string} lock */
function acquired(mine, lock) {
  try {
    linkSync(mine, lock);
    return true;
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EEXIST') throw error;
    if (!isAlive(holderOf(lock))) rmSync(lock, { force: true });
    return false;
  }
}

/** @param {string} lock @returns {number} the process that holds it; this one if it was released just now */
function holderOf(lock) {
  try {
    return Number(readFileSync(lock, 'utf8'));
  } catch {
    return process.pid;
  }
}

/** @param {number} pid */
function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === 'EPERM';
  }
}
