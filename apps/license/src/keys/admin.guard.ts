import { createParamDecorator, Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { adminScope, hasScope } from '@app/licensing';
import { headerKeyOf } from '@app/platform';
import { ProblemError } from '@app/protocol';
import { ServiceStanding } from '../service-standing';
import { KeyDirectory } from './key-directory';

const admins = new WeakMap<FastifyRequest, string>();

/** The id of the admin key of a request that the guard let in. */
export const AdminKeyId = createParamDecorator((_: unknown, context: ExecutionContext): string => {
  const keyId = admins.get(context.switchToHttp().getRequest<FastifyRequest>());
  if (keyId === undefined) throw new RangeError('the controller has no AdminGuard');
  return keyId;
});

/**
 * Lets in requests with an admin key, whatever the state of the licence. Others get 401 `key_missing`, `key_unknown`,
 * `key_expired` or `key_revoked`, or 403 `scope_missing`.
 */
@Injectable()
export class AdminGuard implements CanActivate {
  constructor(
    private readonly keys: KeyDirectory,
    private readonly standing: ServiceStanding,
  ) {}

  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    // Not from the query, as on the gateway: proxies log addresses, and no browser calls this API.
    const key = headerKeyOf(request.headers);
    if (key === undefined) {
      const detail = 'Send an API key with the scope admin as Authorization: Bearer or as X-API-Key.';
      throw new ProblemError('key_missing', { detail });
    }
    const { record } = this.keys.find(key, this.standing.timeMs());
    if (!hasScope(record, adminScope)) {
      throw new ProblemError('scope_missing', { detail: `Use an API key that has the scope ${adminScope}.` });
    }
    admins.set(request, record.id);
    return true;
  }
}
