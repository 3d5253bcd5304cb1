import { Body, Controller, HttpCode, Post } from '@nestjs/common';
import { AuthorizationRequest, ProblemError, validated, type AuthorizationGranted } from '@app/protocol';
import { Log } from '@app/platform';
import { Authorizer } from './authorizer';
import { LicenseMetrics } from './metrics/license-metrics';

/** `POST /authorize`: decides whether a key may use a feature now. */
@Controller()
export class AuthorizeController {
  constructor(
    private readonly authorizer: Authorizer,
    private readonly metrics: LicenseMetrics,
    private readonly log: Log,
  ) {}

  @Post('authorize')
  @HttpCode(200)
  authorize(@Body() body: unknown): AuthorizationGranted {
    const startedAtMs = performance.now();
    const request = validated(AuthorizationRequest, body);
    const { requestId, feature, model } = request;
    const ended = (outcome: string, keyId?: string): void => {
      const durationMs = performance.now() - startedAtMs;
      this.metrics.authorized(outcome, durationMs);
      this.log.info('authorisation', { requestId, feature, model, outcome, keyId, durationMs });
    };
    try {
      const granted = this.authorizer.authorize(request);
      ended('granted', granted.keyId);
      return granted;
    } catch (error) {
      ended(ProblemError.from(error).code);
      throw error;
    }
  }
}
