import { Controller, type INestMicroservice, type Type } from '@nestjs/common';
import { DiscoveryModule, DiscoveryService } from '@nestjs/core';
import { MessagePattern, type MicroserviceOptions } from '@nestjs/microservices';
import { Test } from '@nestjs/testing';
import { functionGraph, ProblemError, type JobKind, type TtsJob, type TtsOutput, type TtsResume } from '@app/protocol';
import { JobClient } from '../client';
import type { JobContext } from '../job-context';
import { MemoryBroker, MemoryBus } from '../memory';
import { plan, ttsEnd, ttsLane, ttsRequest } from '../testing/jobs';
import { RecordingListener } from '../testing/recording-listener';
import { JobStrategy } from './job-strategy';

@Controller()
class TtsController {
  @MessagePattern('tts')
  run(job: TtsJob, context: JobContext): Promise<void> {
    if (job.text === 'Throw.') throw new ProblemError('voice_not_found');
    if (job.text === 'Fail.') return Promise.reject(new ProblemError('language_not_supported'));
    context.emit(this.planned(context.resume as TtsResume));
    context.emit(ttsEnd);
    return Promise.resolve();
  }

  private planned({ offsetSamples }: TtsResume): TtsOutput {
    return Object.assign({}, plan, { totalSamples: offsetSamples });
  }
}

@Controller()
class SecondTtsController {
  @MessagePattern('tts')
  run(): void {}
}

/** A handler for every function of the graph but these, which no test here calls. */
function handlersBut(...kinds: JobKind[]): Type {
  class OtherController {}
  for (const { kind } of functionGraph.filter((row) => !kinds.includes(row.kind))) {
    const descriptor = { value: () => undefined };
    Object.defineProperty(OtherController.prototype, kind, descriptor);
    MessagePattern(kind)(OtherController.prototype, kind, descriptor);
  }
  Controller()(OtherController);
  return OtherController;
}

describe('JobStrategy', () => {
  let bus: MemoryBus;
  let client: JobClient;
  let app: INestMicroservice | undefined;

  const boot = async (...controllers: Type[]): Promise<INestMicroservice> => {
    const module = await Test.createTestingModule({ imports: [DiscoveryModule], controllers }).compile();
    const strategy = new JobStrategy(module.get(DiscoveryService), {
      broker: new MemoryBroker(bus),
      workerId: 'worker',
      lanes: [{ lane: ttsLane, seats: 1 }],
      drainTimeoutMs: 1_000,
    });
    app = module.createNestMicroservice<MicroserviceOptions>({ strategy, logger: false });
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
    await boot(TtsController, handlersBut('tts'));
    const listener = await ended();
    expect(listener.problem).toBeUndefined();
    expect(listener.outputs).toEqual([{ ...plan, totalSamples: 5 }]);
    expect(listener.ends).toEqual(['end']);
  });

  it.each([
    ['Throw.', 'voice_not_found'],
    ['Fail.', 'language_not_supported'],
  ])('passes on the problem of a method that says %s', async (text, code) => {
    await boot(TtsController, handlersBut('tts'));
    expect((await ended(text)).ends).toEqual([code]);
  });

  it('does not boot when a function of the graph has no handler, served or not', async () => {
    await expect(boot(TtsController, handlersBut('tts', 'stt'))).rejects.toThrow("add @MessagePattern('stt')");
  });

  it('does not boot when a function has two handlers', async () => {
    await expect(boot(TtsController, SecondTtsController, handlersBut('tts'))).rejects.toThrow('two handlers');
  });

  it('takes no jobs once it is closed', async () => {
    await (await boot(TtsController, handlersBut('tts'))).close();
    app = undefined;
    await client.submit(ttsRequest(), new RecordingListener());
    expect(await new MemoryBroker(bus).load(ttsLane)).toEqual({ waiting: 1, running: 0 });
  });
});
