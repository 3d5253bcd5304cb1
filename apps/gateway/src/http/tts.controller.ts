import { Body, Controller, HttpCode, Post, Req, Res, UseGuards } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { validated } from '@app/protocol';
import { Admitted, AuthGuard, For } from '../auth/auth.guard';
import type { Admission } from '../auth/gatekeeper';
import { assertModelLicensed } from '../auth/licensed-model';
import { Catalogue } from '../catalogue/catalogue';
import { GatewayConfig } from '../gateway.config';
import type { Caller, RequestScope } from '../scope/request-scope';
import { RequestScopes } from '../scope/request-scopes';
import { answerLimits, contextWork } from '../tts/context-limits';
import { TtsContext } from '../tts/tts-context';
import { ttsSettings, TtsTextRequest, type TtsSettings } from '../tts/tts-request';
import { wrappingOf } from './audio-wrapping';
import { callerOf } from './caller';
import { BytesAnswer, SseAnswer, type SpokenAnswer } from './spoken-answer';

/** Speech synthesis over HTTP. The whole text is one context. */
@Controller('tts')
@UseGuards(AuthGuard)
@For('tts')
export class TtsController {
  constructor(
    private readonly config: GatewayConfig,
    private readonly catalogue: Catalogue,
    private readonly scopes: RequestScopes,
  ) {}

  /** Streams audio as it is made. A failure before the first byte is answered as a problem. */
  @Post('bytes')
  @HttpCode(200)
  async bytes(
    @Body() body: unknown,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
    @Admitted() admission: Admission,
  ): Promise<void> {
    const settings = ttsSettings(body, this.catalogue, ['wav', 'raw', 'mp3']);
    const { transcript } = validated(TtsTextRequest, body);
    const wrapping = await wrappingOf(settings);
    const answer = new BytesAnswer(reply.raw, this.scopes.errors, wrapping);
    this.speak(callerOf(request, reply, admission), settings, transcript, answer);
    await answer.begun;
    if (answer.errored) throw answer.errored;
    await reply.header('content-type', wrapping.mediaType).header('cache-control', 'no-cache').send(answer);
  }

  /** Streams audio and word times as events. The headers are sent at once, so a later failure is an event. */
  @Post('sse')
  @HttpCode(200)
  async sse(
    @Body() body: unknown,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
    @Admitted() admission: Admission,
  ): Promise<void> {
    const settings = ttsSettings(body, this.catalogue, ['raw']);
    const { transcript, context_id: contextId } = validated(TtsTextRequest, body);
    const answer = new SseAnswer(reply.raw, this.scopes.errors, request.id, contextId ?? undefined);
    const scope = this.speak(callerOf(request, reply, admission), settings, transcript, answer);
    if (scope.hasEnded) await scope.stored();
    if (answer.problem) throw answer.problem;
    const sent = reply
      .headers({ 'content-type': 'text/event-stream', 'cache-control': 'no-cache', 'x-accel-buffering': 'no' })
      .send(answer);
    reply.raw.flushHeaders();
    await sent;
  }

  /**
   * Speaks the text into the response. Throws `model_not_licensed`. If the caller has disconnected, the scope has already ended when this returns.
   */
  private speak(caller: Caller, settings: TtsSettings, text: string, answer: SpokenAnswer): RequestScope {
    assertModelLicensed(caller.admission, settings.voice.model);
    const scope = this.scopes.open(caller, contextWork(settings.voice.model));
    const context = new TtsContext(scope, settings, answer, answerLimits(this.config));
    answer.onWanted(() => context.wake());
    context.push(text);
    context.close();
    context.admit();
    return scope;
  }
}
