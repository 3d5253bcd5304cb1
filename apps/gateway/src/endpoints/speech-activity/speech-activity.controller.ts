import { Controller, HttpCode, Post, Req, Res, UseGuards } from '@nestjs/common';
import { IsInt, IsNumber, IsOptional, Max, Min } from 'class-validator';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { speechActivityLimits, validated } from '@app/protocol';
import { Admitted, AuthGuard, For } from '../../auth/auth.guard';
import type { Admission } from '../../auth/gatekeeper';
import { queryFieldsOf } from '../../http/query';
import { EndpointJobs } from '../endpoint-jobs';
import { recordingIn } from '../recording';

const { threshold, minSilenceMs, minSpeechMs } = speechActivityLimits;

/** The parameters of the query. */
class RequestQuery {
  /** Probability from which 32 ms of audio count as speech. */
  @IsOptional()
  @IsNumber()
  @Min(threshold.least)
  @Max(threshold.most)
  threshold?: number;

  /** Silence that separates two segments, in milliseconds. */
  @IsOptional()
  @IsInt()
  @Min(minSilenceMs.least)
  @Max(minSilenceMs.most)
  min_silence_ms?: number;

  /** Shortest speech that is reported as a segment, in milliseconds. */
  @IsOptional()
  @IsInt()
  @Min(minSpeechMs.least)
  @Max(minSpeechMs.most)
  min_speech_ms?: number;
}

/** Returns the segments with speech in a recording. */
@Controller('speech-activity')
@UseGuards(AuthGuard)
@For('speech-activity')
export class SpeechActivityController {
  constructor(private readonly jobs: EndpointJobs) {}

  @Post()
  @HttpCode(200)
  async answer(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @Admitted() admission: Admission,
  ): Promise<object> {
    const query = validated(RequestQuery, queryFieldsOf(request.url));
    const body = await recordingIn(request);
    const fields = {
      threshold: query.threshold,
      minSilenceMs: query.min_silence_ms,
      minSpeechMs: query.min_speech_ms,
    };
    const result = await this.jobs.run({ request, reply, admission }, { kind: 'speech-activity', fields, body });
    return { ...result, request_id: request.id };
  }
}
