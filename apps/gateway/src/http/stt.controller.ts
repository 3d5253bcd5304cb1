import { Controller, HttpCode, Post, Req, Res, UseGuards } from '@nestjs/common';
import type {} from '@fastify/multipart';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { traceHeadersOf } from '@app/platform';
import { ProblemError } from '@app/protocol';
import { Admitted, AuthGuard, For } from '../auth/auth.guard';
import type { Admission } from '../auth/gatekeeper';
import { Catalogue } from '../catalogue/catalogue';
import { GatewayConfig } from '../gateway.config';
import { FileAudioInput } from '../stt/audio-input';
import { optionalFormat, sttSettings } from '../stt/stt-request';
import { SttStreams } from '../stt/stt-streams';
import { Upload, type UploadResult } from '../stt/upload';
import { queryOf } from './query';

/** Speech recognition over HTTP: one file, transcribed while it arrives. */
@Controller('stt')
@UseGuards(AuthGuard)
@For('stt')
export class SttController {
  constructor(
    private readonly config: GatewayConfig,
    private readonly catalogue: Catalogue,
    private readonly streams: SttStreams,
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
    const input = new FileAudioInput(optionalFormat(queryOf(request.url)));
    const leave = admission.enter();
    const upload = new Upload({
      settingsOf: (fields) => ({
        ...sttSettings(fields, this.catalogue),
        words: fields.timestamp_granularities === 'word',
      }),
      openStream: (settings, ports) =>
        this.streams.open(settings, input, {
          ...ports,
          requestId: request.id,
          parent: traceHeadersOf(request.headers),
        }),
      maxHeadBytes: this.config.maxUploadHeadBytes,
    });
    reply.raw.once('close', () => upload.cancel());
    try {
      return answer(await upload.transcribe(request.parts({ limits: this.limits() })), request.id);
    } catch (error) {
      upload.cancel();
      // What is left of the form would keep the connection busy.
      if (!request.raw.complete) void reply.header('connection', 'close');
      throw error;
    } finally {
      leave();
    }
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
