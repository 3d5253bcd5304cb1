import { createParamDecorator, Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { ProblemError, type Feature } from '@app/protocol';
import { queryOf } from '../http/query';
import { Gatekeeper, type Admission } from './gatekeeper';

const admissions = new WeakMap<FastifyRequest, Admission>();

/** What the routes of a controller are for; `admitByHeaders` asks for it. */
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
 * Asks for every route that is for something whether the caller's key may have it, as soon as the headers are there: who may
 * not enter is sent away before any of the body is read.
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

/** Keeps out requests that nobody admitted: a controller with this guard needs `For`. */
@Injectable()
export class AuthGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    return admissionOf(context.switchToHttp().getRequest<FastifyRequest>()) !== undefined;
  }
}

function admissionOf(request: FastifyRequest): Admission {
  const admission = admissions.get(request);
  if (!admission) throw new RangeError('the route is for nothing');
  return admission;
}
