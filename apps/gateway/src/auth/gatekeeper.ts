import type { IncomingHttpHeaders } from 'node:http';
import { Injectable } from '@nestjs/common';
import { traceHeadersOf } from '@app/platform';
import { ProblemError, type Feature } from '@app/protocol';
import { Concurrency } from './concurrency';
import { credentialOf } from './credentials';
import { LicenseClient } from './license.client';

/** What a client presents: where its key may be, and the id of its request. */
export interface Visitor {
  readonly headers: IncomingHttpHeaders;
  readonly query: URLSearchParams;
  readonly requestId: string;
}

/** A request that may run. */
export interface Admission {
  readonly keyId: string;
  /** Counts work as active until the returned function is called; throws `concurrency_limited`. */
  enter(): () => void;
}

/** The one gate that every request passes. */
@Injectable()
export class Gatekeeper {
  private draining = false;

  constructor(
    private readonly license: LicenseClient,
    private readonly concurrency: Concurrency,
  ) {}

  /** Throws `key_missing`, `draining`, or what the license app answers. */
  async admit(visitor: Visitor, feature: Feature, model?: string): Promise<Admission> {
    if (this.draining) throw new ProblemError('draining', { retryAfterSeconds: 1 });
    const key = credentialOf(visitor.headers, visitor.query);
    if (key === undefined) throw new ProblemError('key_missing');
    const { requestId } = visitor;
    const request = { key, feature, requestId, ...(model === undefined ? {} : { model }) };
    const granted = await this.license.authorize(request, traceHeadersOf(visitor.headers));
    return { keyId: granted.keyId, enter: () => this.concurrency.enter(granted) };
  }

  /** From now on everybody is sent away. */
  close(): void {
    this.draining = true;
  }
}
