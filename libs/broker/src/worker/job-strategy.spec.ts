import { Controller, type INestMicroservice, type Type } from '@nestjs/common';
import { Ctx, MessagePattern, Payload, type MicroserviceOptions } from '@nestjs/microservices';
import { Test } from '@nestjs/testing';
import { of, throwError, type Observable } from 'rxjs';
import { ProblemError, TtsJob } from '@app/protocol';
import { JobClient } from '../client';
import type { JobContext, JobEmission } from '../job-context';
import { MemoryBroker, MemoryBus } from '../memory';
import { plan, sttLane, ttsEnd, ttsLane, ttsRequest } from '../testing/jobs';
import { RecordingListener } from '../testing/recording-listener';
import { JobExceptionFilter, JobStrategy } from './job-strategy';

@Controller()
class TtsController {
  @MessagePattern('tts')
  speak(@Payload() job: TtsJob, @Ctx() context: JobContext): Observable<JobEmission> {
    if (job.text === 'Throw.') throw new ProblemError('voice_not_found');
    if (job.text === 'Fail.') return throwError(() => new ProblemError('language_not_supported'));
    return of({ output: { ...plan, totalSamples: context.offsetSamples } as typeof plan }, { output: ttsEnd });
  }
}

@Controller()
class SecondTtsController {
  @MessagePattern('tts')
  speak(): void {}
}

describe('JobStrategy', () => {
  let bus: MemoryBus;
  let client: JobClient;
  let app: INestMicroservice | undefined;

  const boot = async (controllers: Type[], lanes = [ttsLane]): Promise<INestMicroservice> => {
    const strategy = new JobStrategy({
      broker: new MemoryBroker(bus),
      workerId: 'worker',
      lanes: lanes.map((lane) => ({ lane, seats: 1 })),
      drainTimeoutMs: 1_000,
    });
    const module = await Test.createTestingModule({ controllers }).compile();
    app = module.createNestMicroservice<MicroserviceOptions>({ strategy, logger: false });
    app.useGlobalFilters(new JobExceptionFilter());
    await app.listen();
    return app;
  };
  const ended = async (text?: string): Promise<RecordingListener> => {
    const listener = new RecordingListener();
    const end = new Promise<void>((resolve) => {
      listener.onOver = resolve;
    });
    listener.resume = () => ({ offsetSamples: 5 });
    await client.submit(ttsRequest('first', text), listener);
    await end;
    return listener;
  };

  beforeEach(async () => {
    bus = new MemoryBus();
    client = new JobClient(new MemoryBroker(bus), { gatewayId: 'gateway' });
    await client.start();
  });
  afterEach(async () => {
    await client.close();
    await app?.close();
    app = undefined;
  });

  it('gives jobs to the method with the pattern of their kind, and its results to the session', async () => {
    await boot([TtsController]);
    const listener = await ended();
    expect(listener.problem).toBeUndefined();
    expect(listener.outputs).toEqual([{ ...plan, totalSamples: 5 }]);
    expect(listener.ends).toEqual(['end']);
  });

  it.each([
    ['Throw.', 'voice_not_found'],
    ['Fail.', 'language_not_supported'],
  ])('passes on the problem of a method that says %s', async (text, code) => {
    await boot([TtsController]);
    expect((await ended(text)).ends).toEqual([code]);
  });

  it('does not boot when the kind of a lane has no handler', async () => {
    await expect(boot([TtsController], [ttsLane, sttLane])).rejects.toThrow("add @MessagePattern('stt')");
  });

  it('does not boot when a kind has two handlers', async () => {
    await expect(boot([TtsController, SecondTtsController])).rejects.toThrow('two handlers');
  });

  it('takes no jobs once it is closed', async () => {
    await (await boot([TtsController])).close();
    app = undefined;
    await client.submit(ttsRequest(), new RecordingListener());
    expect(await new MemoryBroker(bus).load(ttsLane)).toEqual({ waiting: 1, running: 0 });
  });
});
