import { Body, Controller, HttpCode, Post, Req, Res, UseGuards } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { traceHeadersOf } from '@app/platform';
import { validated, type ProblemError } from '@app/protocol';
import { Admitted, AuthGuard, For } from '../auth/auth.guard';
import type { Admission } from '../auth/gatekeeper';
import { Catalogue } from '../catalogue/catalogue';
import type { ContextEvent } from '../tts/context-events';
import { TtsContexts } from '../tts/tts-contexts';
import { ttsSettings, TtsTextRequest, type TtsSettings } from '../tts/tts-request';
import { BytesAnswer, endProblem, SseAnswer, type SpokenAnswer } from './spoken-answer';

/** Speech over HTTP: the whole text is one piece of one context. */
@Controller('tts')
@UseGuards(AuthGuard)
@For('tts')
export class TtsController {
  constructor(
    private readonly catalogue: Catalogue,
    private readonly contexts: TtsContexts,
  ) {}

  /** Audio as it is made. What fails before the first byte is answered as a problem. */
  @Post('bytes')
  @HttpCode(200)
  async bytes(
    @Body() body: unknown,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
    @Admitted() admission: Admission,
  ): Promise<void> {
    const settings = ttsSettings(body, this.catalogue, ['wav', 'raw']);
    const text = textOf(body);
    const answer = new BytesAnswer(settings);
    this.speak(answer, { settings, text, request, admission }, reply);
    await answer.begun;
    if (answer.errored) throw answer.errored;
    const type = settings.container === 'wav' ? 'audio/wav' : 'audio/pcm';
    await reply.header('content-type', type).header('cache-control', 'no-cache').send(answer);
  }

  /** Audio and times of words as events. Headers leave at once; what fails later is an event. */
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
    const answer = new SseAnswer(request.id, contextId ?? undefined);
    const refusal = this.speak(answer, { settings, text: transcript, request, admission }, reply);
    if (refusal) throw refusal;
    const sent = reply
      .headers({ 'content-type': 'text/event-stream', 'cache-control': 'no-cache', 'x-accel-buffering': 'no' })
      .send(answer);
    reply.raw.flushHeaders();
    await sent;
  }

  /** Speaks the text into the answer; gives the problem when that ended before it began. */
  private speak(answer: SpokenAnswer, speech: Speech, reply: FastifyReply): ProblemError | undefined {
    let refusal: ProblemError | undefined;
    let hasBegun = false;
    const onEnd = (end: Extract<ContextEvent, { type: 'ended' }>): void => {
      const problem = endProblem(end);
      if (!hasBegun) refusal = problem;
      else if (problem && reply.raw.headersSent) this.contexts.told(problem);
    };
    const ports = {
      requestId: speech.request.id,
      parent: traceHeadersOf(speech.request.headers),
      receivedAtMs: performance.now() - reply.elapsedTime,
      enter: () => speech.admission.enter(),
      backlogged: () => answer.backlogged,
      emit: (event: ContextEvent) => {
        if (event.type === 'ended') onEnd(event);
        answer.receive(event);
      },
    };
    const context = this.contexts.open(speech.settings, ports, Infinity);
    answer.onWanted(() => context.wake());
    reply.raw.once('close', () => context.cancel('disconnected'));
    context.push(speech.text);
    context.close();
    context.admit();
    hasBegun = true;
    return refusal;
  }
}

interface Speech {
  readonly settings: TtsSettings;
  readonly text: string;
  readonly request: FastifyRequest;
  readonly admission: Admission;
}

const textOf = (body: unknown): string => validated(TtsTextRequest, body).transcript;
