import type { IncomingHttpHeaders } from 'node:http';
import { Body, Controller, Headers, Post, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { JobTaker, RequestDelivery } from '@app/broker';
import { jobsPath, offerHeaders, parseLane, ProblemError, type Lane } from '@app/protocol';
import { traceHeadersOf } from '@app/platform';
import { HttpAnswer } from './http-answer';

/** `POST /jobs`: a job, held open until it is over. Its frame is the body; the last line of the answer is the verdict. */
@Controller()
export class JobsController {
  constructor(private readonly worker: JobTaker) {}

  @Post(jobsPath)
  take(@Headers() headers: IncomingHttpHeaders, @Body() body: unknown, @Res() reply: FastifyReply): void {
    if (!Buffer.isBuffer(body)) throw new ProblemError('bad_request', { detail: 'The body must be a job.' });
    const lane = laneOf(headers[offerHeaders.lane]);
    const answer = new HttpAnswer(reply);
    const delivery = new RequestDelivery(
      {
        payload: body,
        headers: traceHeadersOf(headers) ?? {},
        sequence: wholeNumber(offerHeaders.place, headers[offerHeaders.place]),
        deliveryCount: wholeNumber(offerHeaders.delivery, headers[offerHeaders.delivery] ?? '1'),
      },
      answer,
    );
    const job = this.worker.take(lane, delivery);
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
