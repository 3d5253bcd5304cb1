import { Body, Controller, Get, HttpCode, Post, UseGuards } from '@nestjs/common';
import { IsNotEmpty, IsString } from 'class-validator';
import { ProblemError, validated } from '@app/protocol';
import { AdminGuard, AdminKeyId } from '../keys/admin.guard';
import { ServiceStanding } from '../service-standing';
import { describedForce, describedForecast, describedLicense } from './descriptions';
import { LicenseStore } from './license-store';

/** Body of `POST /license`. */
class InstallRequest {
  /** A licence document, compact JWS. */
  @IsString()
  @IsNotEmpty()
  license!: string;
}

/** `/license`: installs a licence, for callers with an admin key, and says what is to come, to all. */
@Controller('license')
export class LicenseController {
  constructor(
    private readonly documents: LicenseStore,
    private readonly standing: ServiceStanding,
  ) {}

  /** The same licence again is no error. */
  @Post()
  @HttpCode(200)
  @UseGuards(AdminGuard)
  async install(@Body() body: unknown, @AdminKeyId() by: string): Promise<object> {
    const { license: text } = validated(InstallRequest, body, { unknownFields: 'refused' });
    const license = await this.documents.install(text, by);
    return { license: describedLicense(license), ...describedForce(license, this.standing.facts()) };
  }

  @Get('forecast')
  forecast(): object {
    // Before the mark was read, the answer could promise too much.
    if (!this.documents.loaded) throw new ProblemError('license_unavailable', { retryAfterSeconds: 1 });
    return describedForecast(this.standing.facts());
  }
}
