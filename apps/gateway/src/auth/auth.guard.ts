import { createParamDecorator, Injectable, SetMetadata, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyRequest } from 'fastify';
import { ttsFunction, type Feature } from '@app/protocol';
import { Catalogue } from '../catalogue/catalogue';
import { queryOf } from '../http/query';
import { Gatekeeper, type Admission } from './gatekeeper';

const featureKey = 'feature';
const admissions = new WeakMap<FastifyRequest, Admission>();

/** What a route, or every route of a controller, is for; `AuthGuard` needs it. */
export const For = (feature: Feature) => SetMetadata(featureKey, feature);

/** The admission that `AuthGuard` obtained for the request. */
export const Admitted = createParamDecorator((_: unknown, context: ExecutionContext): Admission => {
  const admission = admissions.get(context.switchToHttp().getRequest<FastifyRequest>());
  if (!admission) throw new RangeError('the route has no AuthGuard');
  return admission;
});

/** Lets HTTP requests in whose key may do what the route is for. */
@Injectable()
export class AuthGuard implements CanActivate {
  constructor(
    private readonly gatekeeper: Gatekeeper,
    private readonly catalogue: Catalogue,
    private readonly reflector: Reflector,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const feature = this.reflector.getAllAndOverride<Feature>(featureKey, [context.getHandler(), context.getClass()]);
    const visitor = { headers: request.headers, query: queryOf(request.url), requestId: request.id };
    const model = feature === ttsFunction.kind ? this.ttsModel(request.body) : undefined;
    admissions.set(request, await this.gatekeeper.admit(visitor, feature, model));
    return true;
  }

  /** A wrong model name is refused later, to those who may know. */
  private ttsModel(body: unknown): string | undefined {
    const name: unknown = (body as { model_id?: unknown } | null | undefined)?.model_id;
    return typeof name === 'string' ? this.catalogue.knownModel(ttsFunction.kind, name) : undefined;
  }
}
