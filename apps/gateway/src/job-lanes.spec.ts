import { MemoryBroker, MemoryBus } from '@app/broker';
import { loadManifest } from '@app/artifacts';
import { laneName, ProblemError } from '@app/protocol';
import { Catalogue } from './catalogue/catalogue';
import { GatewayConfig } from './gateway.config';
import { offeredLanes } from './job-lanes';

const config = new GatewayConfig();
const manifest = loadManifest();
const served = manifest.artifacts.flatMap(({ id, default: isDefault, serves }) => (isDefault && serves ? [id] : []));
const catalogue = Catalogue.from(manifest, { ...config, served });
const log = { error: () => undefined };
const tts = { kind: 'tts', model: 'piper' } as const;
const stt = { kind: 'stt', model: 'whisper-tiny-en' } as const;

describe('offeredLanes', () => {
  const broker = new MemoryBroker(new MemoryBus());

  function problemOf(dispatch: string[], inferenceUrl?: string): ProblemError {
    try {
      offeredLanes(catalogue, { dispatch, inferenceUrl }, broker, log).close();
    } catch (error) {
      if (error instanceof ProblemError) return error;
    }
    throw new Error('it was accepted');
  }

  it('offers a job the way that its function is dispatched', async () => {
    const dispatch = ['tts=request', 'stt=queue'];
    const { lanes, offers, close } = offeredLanes(
      catalogue,
      { dispatch, inferenceUrl: 'http://127.0.0.1:1' },
      broker,
      log,
    );
    expect(lanes.map(laneName)).toEqual(expect.arrayContaining([laneName(tts), laneName(stt)]));
    const payload = Buffer.from(' ');
    await offers.publishJob(stt, 'open', payload, 1_000);
    expect(await broker.load(stt)).toEqual({ waiting: 1, running: 0 });
    const place = await offers.publishJob(tts, 'first', frame, 60_000);
    expect(await broker.load(tts)).toEqual({ waiting: 0, running: 0 });
    expect(await offers.load(tts)).toEqual({ waiting: 1, running: 0 });
    close();
    expect(await offers.hasJob(tts, place)).toBe(false);
  });

  it('does not start without an address where one is needed, and says which functions need it', () => {
    const problem = problemOf(['tts=request', 'stt=queue']);
    expect(problem.code).toBe('config_invalid');
    expect(problem.detail).toMatch(/INFERENCE_URL must be set.*tts\.piper/);
    expect(problem.detail).not.toContain('stt');
  });

  it('does not start with a dispatch that is none', () => {
    expect(problemOf(['dance=request'], 'http://127.0.0.1:1')).toMatchObject({
      code: 'config_invalid',
      detail: expect.stringMatching(/^DISPATCH: .*"dance=request"\.$/) as string,
    });
  });
});

const frame = Buffer.from([2, 0, 0, 0, 0x7b, 0x7d, 0, 0]);
