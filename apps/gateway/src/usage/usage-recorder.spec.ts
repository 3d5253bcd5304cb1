import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AppendLog } from '@app/broker';
import { Log } from '@app/platform';
import type { UsageRecord } from '@app/protocol';
import type { GatewayConfig } from '../gateway.config';
import type { UsageMetrics } from '../metrics/usage-metrics';
import { noUse, usageRecord } from './usage-record';
import { UsageRecorder } from './usage-recorder';
import { UsageSpool } from './usage-spool';

const record = (): UsageRecord =>
  usageRecord({ requestId: 'r', keyId: 'key-1', kind: 'tts', model: 'piper', outcome: 'done' }, noUse);
const never = new Promise<never>(() => undefined);

describe('the recorder of usage', () => {
  let folder: string;
  let published: string[];
  let lines: string[];
  let recorder: UsageRecorder;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'antiphon-usage-'));
    published = [];
    lines = [];
    const usageLog = { append: (_bytes: Uint8Array, id: string) => Promise.resolve(void published.push(id)) };
    const metrics = { spoolLimit: jest.fn(), published: jest.fn(), spooled: jest.fn() };
    const log = Log.create('gateway', 'info', { write: (line) => void lines.push(line) });
    recorder = new UsageRecorder(
      { usageFolder: folder, usageSpoolBytes: 1_000_000 } as GatewayConfig,
      usageLog as unknown as AppendLog,
      metrics as unknown as UsageMetrics,
      log,
    );
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate'] });
    await recorder.start();
  });
  afterEach(async () => {
    jest.restoreAllMocks();
    const drained = recorder.drain(0);
    await jest.advanceTimersByTimeAsync(60_000);
    await drained;
    jest.useRealTimers();
    rmSync(folder, { recursive: true, force: true });
  });

  it('says that a record is saved once it is on the disk, and not before', async () => {
    let written = (): void => undefined;
    jest.spyOn(UsageSpool.prototype, 'append').mockReturnValue(new Promise((resolve) => (written = resolve)));
    const saved = jest.fn();
    recorder.record(record(), saved);
    await jest.advanceTimersByTimeAsync(4_000);
    expect(saved).not.toHaveBeenCalled();
    written();
    await jest.advanceTimersByTimeAsync(0);
    expect(saved).toHaveBeenCalledTimes(1);
  });

  it('counts a disk that hangs as failing, and publishes from memory', async () => {
    jest.spyOn(UsageSpool.prototype, 'append').mockReturnValue(never);
    jest.spyOn(UsageSpool.prototype, 'open').mockReturnValue(never);
    const one = record();
    const saved = jest.fn();
    recorder.record(one, saved);
    await jest.advanceTimersByTimeAsync(5_000);
    expect(saved).toHaveBeenCalledTimes(1);
    expect(() => recorder.check()).toThrow('usage_unavailable');
    await jest.advanceTimersByTimeAsync(10_000);
    expect(published).toEqual([one.id]);
  });

  it('publishes from memory in a drain, which a disk that hangs does not prolong by more than a second', async () => {
    const one = record();
    jest.spyOn(UsageSpool.prototype, 'append').mockRejectedValue(new Error('disk is gone'));
    recorder.record(one, jest.fn());
    await jest.advanceTimersByTimeAsync(0);
    jest.spyOn(UsageSpool.prototype, 'open').mockReturnValue(never);
    jest.spyOn(UsageSpool.prototype, 'close').mockReturnValue(never);
    const drained = jest.fn();
    void recorder.drain(3_000).then(drained);
    await jest.advanceTimersByTimeAsync(4_000);
    expect([published, drained.mock.calls.length]).toEqual([[one.id], 1]);
  });

  it('survives a caller that fails when it is told', async () => {
    jest.spyOn(UsageSpool.prototype, 'append').mockResolvedValue();
    recorder.record(record(), () => {
      throw new Error('socket is gone');
    });
    await jest.advanceTimersByTimeAsync(0);
    expect(lines.join('')).toContain('socket is gone');
  });
});
