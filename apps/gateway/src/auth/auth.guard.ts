import { createParamDecorator, Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { ProblemError, type Feature } from '@app/protocol';
import { queryOf } from '../http/query';
import { Gatekeeper, type Admission } from './gatekeeper';

const admissions = new WeakMap<FastifyRequest, Admission>();

/** Declares the licence feature that the routes of a controller need. `admitByHeaders` reads it. */
export const For =
  (feature: Feature): ClassDecorator =>
  ({ prototype }) => {
    const methods = Object.values(Object.getOwnPropertyDescriptors(prototype as object));
    for (const method of methods) if (typeof method.value === 'function') RouteConfig({ feature })({}, '', method);
  };

/** The admission of the request. */
export const Admitted = createParamDecorator((_: unknown, context: ExecutionContext): Admission =>
  admissionOf(context.switchToHttp().getRequest<FastifyRequest>()),
);

/**
 * For every route with `For`, asks the license app whether the caller's key has the feature, as soon as the headers
 * have arrived. A request that is refused is answered before its body is read.
 */
export function admitByHeaders(server: FastifyInstance, gatekeeper: Gatekeeper): void {
  server.addHook('onRequest', async (request) => {
    const { feature } = request.routeOptions.config as { feature?: Feature };
    if (feature === undefined) return;
    const visitor = { headers: request.headers, query: queryOf(request.url), requestId: request.id };
    admissions.set(request, await gatekeeper.admit(visitor, feature));
    if (request.raw.destroyed) throw new ProblemError('cancelled');
  });
}

/** Rejects requests that were not admitted. A controller with this guard needs `For`. */
@Injectable()
export class AuthGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    return admissionOf(context.switchToHttp().getRequest<FastifyRequest>()) !== undefined;
  }
}

function admissionOf(request: FastifyRequest): Admission {
  const admission = admissions.get(request);
  if (!admission) throw new RangeError('the route has no feature: add For');
  return admission;
}
