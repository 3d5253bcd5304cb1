import { MetadataScanner, type DiscoveryService } from '@nestjs/core';
import { ListenerMetadataExplorer } from '@nestjs/microservices/listener-metadata-explorer.js';
import { functionGraph, type JobKind } from '@app/protocol';
import type { JobHandler } from '../job-context';

/** The handler of each kind of job. */
export type JobHandlers = Readonly<Partial<Record<JobKind, JobHandler>>>;

/**
 * The methods `run(job, context)` with `@MessagePattern(KIND)` of an app's controllers, bound to their controllers.
 * Throws if a function of the graph has no such method or two of them.
 */
export function jobHandlersOf(discovery: DiscoveryService): JobHandlers {
  const explorer = new ListenerMetadataExplorer(new MetadataScanner());
  const found = discovery.getControllers().flatMap(({ instance }) => {
    const controller = instance as object;
    return explorer
      .explore(controller)
      .map(({ patterns, targetCallback }) => ({ controller, patterns, targetCallback }));
  });
  const entries = functionGraph.map(({ kind }): [JobKind, JobHandler] => {
    const [only, second] = found.filter(({ patterns }) => patterns.includes(kind));
    if (!only) throw new Error(`function ${kind} has no handler: add @MessagePattern('${kind}') to a method`);
    if (second) throw new Error(`function ${kind} has two handlers: remove one @MessagePattern('${kind}')`);
    return [kind, (only.targetCallback as JobHandler).bind(only.controller)];
  });
  return Object.fromEntries(entries);
}
