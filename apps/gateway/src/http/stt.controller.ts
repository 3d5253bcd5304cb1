import { Controller, HttpCode, Post, Req, Res, UseGuards } from '@nestjs/common';
import type {} from '@fastify/multipart';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { RecordingDecoders, type SampleSink } from '@app/media';
import { readLive } from '@app/platform';
import { ProblemError } from '@app/protocol';
import { Admitted, AuthGuard, For } from '../auth/auth.guard';
import type { Admission } from '../auth/gatekeeper';
import { Catalogue } from '../catalogue/catalogue';
import { GatewayConfig } from '../gateway.config';
import { RequestScopes } from '../scope/request-scopes';
import { optionalFormat } from '../stt/stt-request';
import { Upload, type UploadReading, type UploadResult } from '../stt/upload';
import { callerOf } from './caller';
import { queryOf } from './query';

/** Speech recognition over HTTP: one file, which is transcribed while it arrives. */
@Controller('stt')
@UseGuards(AuthGuard)
@For('stt')
export class SttController {
  constructor(
    private readonly config: GatewayConfig,
    private readonly catalogue: Catalogue,
    private readonly scopes: RequestScopes,
    private readonly decoders: RecordingDecoders,
  ) {}

  @Post()
  @HttpCode(200)
  async transcribe(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @Admitted() admission: Admission,
  ): Promise<object> {
    if (!request.isMultipart()) {
      throw new ProblemError('media_type_not_supported', { detail: 'Send multipart/form-data with file and model.' });
    }
    const raw = optionalFormat(queryOf(request.url));
    const scope = this.scopes.openActive(callerOf(request, reply, admission), { kind: 'stt', name: 'stt stream' });
    try {
      if (scope.hasEnded) throw new ProblemError('cancelled');
      const openDecoder = (sink: SampleSink) => this.decoders.open(sink, { owner: admission.keyId, raw });
      const upload = new Upload(scope, openDecoder, this.catalogue, this.readingOf(request));
      return answer(await upload.transcribe(request.parts({ limits: this.limits() })), request.id);
    } catch (error) {
      // The unread rest of the form would keep the connection busy.
      if (!request.raw.complete) void reply.header('connection', 'close');
      throw error;
    }
  }

  private readingOf({ raw }: FastifyRequest): UploadReading {
    const { maxUploadHeadBytes, bodyTimeoutMs } = this.config;
    return {
      maxHeadBytes: maxUploadHeadBytes,
      maxHeadMs: bodyTimeoutMs / 2,
      onLive: (isLive) => readLive(raw, isLive),
    };
  }

  private limits(): object {
    return { fileSize: this.config.maxUploadBytes, files: 2, fields: 64, fieldSize: 16_384, parts: 66 };
  }
}

function answer({ transcripts, durationSeconds, settings }: UploadResult, requestId: string): object {
  return {
    type: 'transcript',
    is_final: true,
    text: transcripts.map(({ text }) => text).join(''),
    language: transcripts[0]?.language ?? settings.language,
    duration: Number(durationSeconds.toFixed(3)),
    request_id: requestId,
    ...(settings.words ? { words: transcripts.flatMap(({ words }) => words) } : {}),
  };
}
