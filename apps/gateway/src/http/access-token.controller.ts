import { Body, Controller, HttpCode, Post, Req } from '@nestjs/common';
import { IsBoolean, IsInt, IsOptional, Max, Min } from 'class-validator';
import type { FastifyRequest } from 'fastify';
import { maxTokenSeconds, Nested, tokenFeatures, validated, type AccessTokenIssued } from '@app/protocol';
import { Gatekeeper } from '../auth/gatekeeper';
import { queryOf } from './query';

/** Life of a token whose request names none, in seconds. */
const defaultTokenSeconds = 600;

/** `agent` and other grants of the contract open nothing here and are ignored. */
class Grants {
  @IsOptional()
  @IsBoolean()
  tts?: boolean;

  @IsOptional()
  @IsBoolean()
  stt?: boolean;
}

class AccessTokenBody {
  /** A token without grants opens nothing. */
  @IsOptional()
  @Nested(() => Grants)
  grants?: Grants | null;

  /** In seconds. */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(maxTokenSeconds)
  expires_in?: number | null;
}

/** `POST /access-token`: a short-lived token for a browser, which can do no more than the API key that asks for it. */
@Controller('access-token')
export class AccessTokenController {
  constructor(private readonly gatekeeper: Gatekeeper) {}

  @Post()
  @HttpCode(200)
  issue(@Body() body: unknown, @Req() request: FastifyRequest): Promise<AccessTokenIssued> {
    const { grants, expires_in: expiresIn } = validated(AccessTokenBody, body ?? {});
    const features = tokenFeatures.filter((feature) => grants?.[feature] === true);
    const visitor = { headers: request.headers, query: queryOf(request.url), requestId: request.id };
    return this.gatekeeper.issueToken(visitor, { features, expiresInSeconds: expiresIn ?? defaultTokenSeconds });
  }
}
