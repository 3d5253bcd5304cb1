import { Body, Controller, HttpCode, Post } from '@nestjs/common';
import { Log } from '@app/platform';
import { AccessTokenRequest, validated, type AccessTokenIssued } from '@app/protocol';
import { Authorizer } from './authorizer';

/** `POST /access-token`: a token for the holder of an API key. */
@Controller()
export class AccessTokenController {
  constructor(
    private readonly authorizer: Authorizer,
    private readonly log: Log,
  ) {}

  @Post('access-token')
  @HttpCode(200)
  issue(@Body() body: unknown): AccessTokenIssued {
    const request = validated(AccessTokenRequest, body);
    const { token, keyId } = this.authorizer.issueToken(request);
    const { requestId, features, expiresInSeconds } = request;
    this.log.info('access token issued', { requestId, keyId, features, expiresInSeconds });
    return { token };
  }
}
