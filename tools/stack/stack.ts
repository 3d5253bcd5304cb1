import { EventEmitter } from 'node:events';
import { ProblemError } from '@app/protocol';
import { errorLine } from '../error-line';
import { Part, type PartSpec } from './part';
import type { StackPlan } from './plan';

const readyTimeoutMs = 90_000;
/** A part that dies more often than this within the window is not started again. */
const deathsAllowed = 3;
const deathWindowMs = 60_000;

/** Longer than the drain time of any part. */
const killAfterMs = 15_000;

/**
 * The running processes. A part that dies is started again; `line` events tell a person in one line each, `failed` says
 * that a part keeps dying.
 */
export class Stack extends EventEmitter<{ line: [string]; failed: [string] }> {
  private readonly parts = new Map<string, Part>();
  private readonly deaths = new Map<string, number[]>();
  private started = false;
  private stopped = false;

  constructor(private readonly plan: StackPlan) {
    super();
  }

  /**
   * Starts everything and resolves when all parts are ready; a problem names the part that is not. A part that dies
   * before that is not started again: what keeps it from starting is for a person to mend.
   */
  async start(): Promise<void> {
    await this.add(this.plan.nats);
    const { licenseEndpoint, license, gateway, workers, inference, prometheus } = this.plan;
    if (licenseEndpoint) await this.add(licenseEndpoint);
    const others = [inference, prometheus].filter((spec) => spec !== undefined);
    await Promise.all([license, gateway, ...workers, ...others].map((spec) => this.add(spec)));
    this.started = true;
  }

  /** Process ids by part. */
  pids(): Record<string, number> {
    return Object.fromEntries([...this.parts].flatMap(([name, { pid }]) => (pid === undefined ? [] : [[name, pid]])));
  }

  /** Clients first, the bus last, so that running requests can end; resolves when no process is left. */
  async stop(): Promise<void> {
    this.stopped = true;
    const { nats, licenseEndpoint, license, gateway } = this.plan;
    const stopAll = (parts: readonly Part[]) => Promise.all(parts.map((part) => part.stop(killAfterMs)));
    const named = (spec: PartSpec): Part[] => [...this.parts.values()].filter((part) => part.spec.name === spec.name);
    const ends = [nats, license, gateway, licenseEndpoint].flatMap((spec) => (spec ? named(spec) : []));
    await stopAll(named(gateway));
    await stopAll([...this.parts.values()].filter((part) => !ends.includes(part)));
    await stopAll(named(license));
    if (licenseEndpoint) await stopAll(named(licenseEndpoint));
    await stopAll(named(nats));
  }

  /** Stops and starts every process of an app, one after the other, as its code has changed. */
  async restart(app: string): Promise<void> {
    for (const part of this.parts.values()) {
      if (part.spec.app !== app || this.stopped) continue;
      await part.stop(killAfterMs);
      await this.bring(part);
      this.emit('line', `${part.spec.name} is back`);
    }
  }

  /** Starts one more process and resolves when it is ready. */
  async add(spec: PartSpec): Promise<void> {
    const part = new Part(spec, (dead, how) => this.onDeath(dead, how));
    this.parts.set(spec.name, part);
    await this.bring(part);
  }

  /** Starts nothing once the stack was told to stop. */
  private async bring(part: Part): Promise<void> {
    if (this.stopped) throw new ProblemError('internal', { detail: `${part.spec.name} was not started: stopping.` });
    part.start();
    await part.ready(readyTimeoutMs);
  }

  private onDeath(part: Part, how: string): void {
    if (this.stopped || !this.started) return;
    const now = Date.now();
    const recent = [...(this.deaths.get(part.spec.name) ?? []), now].filter((at) => now - at < deathWindowMs);
    this.deaths.set(part.spec.name, recent);
    if (recent.length >= deathsAllowed) {
      const line = `${part.spec.name} ${how}, ${recent.length} times within a minute: ${part.lastLogLine()}`;
      // Whoever is observed does not fall with the observer.
      this.emit(part.spec === this.plan.prometheus ? 'line' : 'failed', line);
      return;
    }
    this.emit('line', `${part.spec.name} ${how}; starting it again (log: ${part.spec.logFile})`);
    this.bring(part).then(
      () => this.emit('line', `${part.spec.name} is back`),
      (error: unknown) => {
        if (!this.stopped) this.emit('line', errorLine(error));
      },
    );
  }
}
