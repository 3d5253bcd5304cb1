import { Controller, Get, Param, Req, UseGuards } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { ProblemError } from '@app/protocol';
import { AuthGuard, For } from '../auth/auth.guard';
import { Catalogue } from '../catalogue/catalogue';
import { voiceBody, voicePage } from '../catalogue/voice-page';
import { queryOf } from './query';

/** The voices on offer. */
@Controller('voices')
@UseGuards(AuthGuard)
@For('catalogue')
export class VoicesController {
  constructor(private readonly catalogue: Catalogue) {}

  @Get()
  list(@Req() request: FastifyRequest): object {
    return voicePage(this.catalogue.voices, queryOf(request.url));
  }

  @Get(':id')
  one(@Param('id') id: string): object {
    const voice = this.catalogue.voiceById(id);
    if (!voice) throw new ProblemError('voice_not_found');
    return voiceBody(voice);
  }
}
