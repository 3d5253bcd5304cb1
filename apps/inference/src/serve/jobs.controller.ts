import type { IncomingHttpHeaders } from 'node:http';
import { Body, Controller, Headers, Post, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { JobTaker, RequestDelivery } from '@app/broker';
import { traceHeadersOf } from '@app/platform';
import { jobsPath, offerHeaders, parseLane, ProblemError, type Lane } from '@app/protocol';
import { HttpAnswer } from './http-answer';

/**
 * `POST /jobs`: runs a job and stays open until it is over. The body is the frame of the job. The last line of the
 * response is the verdict.
 */
@Controller()
export class JobsController {
  constructor(private readonly worker: JobTaker) {}

  @Post(jobsPath)
  async take(
    @Headers() headers: IncomingHttpHeaders,
    @Body() body: unknown,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    if (!Buffer.isBuffer(body)) throw new ProblemError('bad_request', { detail: 'The body must be a job.' });
    const lane = laneOf(headers[offerHeaders.lane]);
    const answer = new HttpAnswer(reply);
    const delivery = new RequestDelivery(
      {
        payload: body,
        headers: traceHeadersOf(headers) ?? {},
        sequence: wholeNumber(offerHeaders.sequence, headers[offerHeaders.sequence]),
      },
      answer,
    );
    const jobClass = String(headers[offerHeaders.jobClass]);
    const gone = new AbortController();
    reply.raw.once('close', () => gone.abort());
    const job = await this.worker.take({ lane, jobClass, delivery }, gone.signal);
    answer.begin(() => job.handBack());
  }
}

function laneOf(name: unknown): Lane {
  try {
    return parseLane(String(name));
  } catch (cause) {
    throw new ProblemError('bad_request', { detail: `${offerHeaders.lane} must be KIND.MODEL.`, cause });
  }
}

function wholeNumber(header: string, text: unknown): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new ProblemError('bad_request', { detail: `${header} must be a whole number.` });
  }
  return value;
}
