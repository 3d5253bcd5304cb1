import { Body, Controller, Get, Header, HttpCode, Param, Post, UseGuards } from '@nestjs/common';
import { Log } from '@app/platform';
import { validated } from '@app/protocol';
import { AuditWriter } from '../audit/audit-writer';
import { MonthlyUsage } from '../quota/monthly-usage';
import { ServiceStanding } from '../service-standing';
import { AdminGuard, AdminKeyId } from './admin.guard';
import { KeyAdmin } from './key-admin';
import { CreateKeyRequest, RotateKeyRequest, type KeyView, type ListedKeyView, type NewKeyView } from './key-requests';

/**
 * `/keys`: the API keys, for callers with an admin key. Answers with a new key are not to be cached. A new key is shown only
 * once its record is in the audit log. A key is revoked even if the audit log cannot take the record now.
 */
@Controller('keys')
@UseGuards(AdminGuard)
export class KeysController {
  constructor(
    private readonly keys: KeyAdmin,
    private readonly usage: MonthlyUsage,
    private readonly standing: ServiceStanding,
    private readonly trail: AuditWriter,
    private readonly log: Log,
  ) {}

  @Get()
  list(): { keys: ListedKeyView[] } {
    return { keys: this.keys.list().map((key) => ({ ...key, ...this.usedBy(key) })) };
  }

  @Post()
  @Header('cache-control', 'no-store')
  async create(@Body() body: unknown, @AdminKeyId() by: string): Promise<NewKeyView> {
    const request = validated(CreateKeyRequest, body, { unknownFields: 'refused' });
    this.trail.assertRoom();
    const created = await this.keys.create(request);
    this.log.info('API key created', { keyId: created.id, by });
    await this.trail.require('key_created', { keyId: created.id, by });
    return created;
  }

  @Post(':id/rotate')
  @HttpCode(200)
  @Header('cache-control', 'no-store')
  async rotate(@Param('id') id: string, @Body() body: unknown, @AdminKeyId() by: string): Promise<NewKeyView> {
    const { overlapSeconds } = validated(RotateKeyRequest, body ?? {}, { unknownFields: 'refused' });
    this.trail.assertRoom();
    const rotated = await this.keys.rotate(id, overlapSeconds);
    this.log.info('API key rotated', { keyId: rotated.id, by, overlapSeconds });
    await this.trail.require('key_rotated', { keyId: rotated.id, by, overlapSeconds });
    return rotated;
  }

  @Post(':id/revoke')
  @HttpCode(200)
  async revoke(@Param('id') id: string, @AdminKeyId() by: string): Promise<KeyView> {
    const revoked = await this.keys.revoke(id);
    this.log.info('API key revoked', { keyId: revoked.id, by });
    const late = (error: unknown): void => {
      this.log.warn('revocation is not in the audit log yet', { keyId: revoked.id, err: error });
    };
    await this.trail.require('key_revoked', { keyId: revoked.id, by }).catch(late);
    return revoked;
  }

  private usedBy({ id }: KeyView): Pick<ListedKeyView, 'usedCharacters' | 'usedAudioSeconds'> {
    if (!this.usage.isRead) return {};
    const { characters, audioSeconds } = this.usage.used(this.standing.timeMs(), id);
    return { usedCharacters: characters, usedAudioSeconds: audioSeconds };
  }
}
