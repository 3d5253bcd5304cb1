import { Controller, Get, Header, StreamableFile, UseGuards } from '@nestjs/common';
import { Log } from '@app/platform';
import { AdminGuard, AdminKeyId } from '../keys/admin.guard';
import { AuditLogs } from './audit-logs';

/** `/audit`: an export of the audit log, for callers with an admin key, and the public key that its checkpoints are verified with. */
@Controller('audit')
export class AuditController {
  constructor(
    private readonly audit: AuditLogs,
    private readonly log: Log,
  ) {}

  @Get()
  @UseGuards(AdminGuard)
  @Header('cache-control', 'no-store')
  async export(@AdminKeyId() by: string): Promise<StreamableFile> {
    const tar = await this.audit.export();
    this.log.info('audit log exported', { by });
    const disposition = 'attachment; filename="antiphon-audit.tar"';
    return new StreamableFile(tar, { type: 'application/x-tar', disposition });
  }

  @Get('key')
  @Header('content-type', 'application/x-pem-file')
  key(): string {
    return this.audit.publicKeysPem();
  }
}
