import type { IncomingHttpHeaders } from 'node:http';
import { Injectable } from '@nestjs/common';
import { traceHeadersOf } from '@app/platform';
import { ProblemError, type AccessTokenIssued, type AccessTokenRequest, type Feature } from '@app/protocol';
import { UsageRecorder } from '../usage/usage-recorder';
import { Concurrency } from './concurrency';
import { credentialOf } from './credentials';
import { assertModelLicensed, type LicensedModels } from './licensed-model';
import { LicenseClient } from './license.client';

/** The parts of a request that can contain its key, and its request id. */
export interface Visitor {
  readonly headers: IncomingHttpHeaders;
  readonly query: URLSearchParams;
  readonly requestId: string;
  /** For work on a socket that was admitted when it opened: its access token may have expired since. */
  readonly connected?: boolean;
}

/** The permission for a request to run. */
export interface Admission extends LicensedModels {
  /** Stable id of the caller's key, never the key. */
  readonly keyId: string;
  /** Counts work as active until the returned function is called. Throws `concurrency_limited`. */
  enter(): () => void;
}

/** Decides for every request whether it may run. */
@Injectable()
export class Gatekeeper {
  private draining = false;

  constructor(
    private readonly license: LicenseClient,
    private readonly concurrency: Concurrency,
    private readonly usage: UsageRecorder,
  ) {}

  /** Throws `key_missing`, `draining`, `usage_unavailable`, or the refusal of the license app. */
  async admit(visitor: Visitor, feature: Feature, model?: string): Promise<Admission> {
    const key = this.credentialOf(visitor);
    this.usage.check();
    const { requestId, connected } = visitor;
    const request = {
      key,
      feature,
      requestId,
      ...(model === undefined ? {} : { model }),
      ...(connected ? { connected } : {}),
    };
    const granted = await this.license.authorize(request, traceHeadersOf(visitor.headers));
    const { keyId, models } = granted;
    if (model !== undefined) assertModelLicensed(granted, model);
    return { keyId, models, enter: () => this.concurrency.enter(granted) };
  }

  /** A token for the holder of the API key. Throws as `admit` does, and `token_not_allowed` if a token asks. */
  async issueToken(
    visitor: Visitor,
    wish: Pick<AccessTokenRequest, 'features' | 'expiresInSeconds'>,
  ): Promise<AccessTokenIssued> {
    const request = { key: this.credentialOf(visitor), ...wish, requestId: visitor.requestId };
    return this.license.issueToken(request, traceHeadersOf(visitor.headers));
  }

  /** Refuses all requests from now on. */
  close(): void {
    this.draining = true;
  }

  private credentialOf({ headers, query }: Visitor): string {
    if (this.draining) throw new ProblemError('draining', { retryAfterSeconds: 1 });
    const credential = credentialOf(headers, query);
    if (credential === undefined) throw new ProblemError('key_missing');
    return credential;
  }
}
