import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { rulePaths } from '../support/observability-files';
import { describeWithPrometheus, presentPromtool } from '../support/prometheus';

function promtool(...args: string[]): { passed: boolean; output: string } {
  const { status, stdout, stderr } = spawnSync(presentPromtool() ?? '', args, { encoding: 'utf8' });
  return { passed: status === 0, output: stdout + stderr };
}

describeWithPrometheus('promtool', () => {
  const named = (of: 'rules' | 'rules/tests') => rulePaths(of).map((path) => [basename(path), path] as const);

  it.each(named('rules'))('takes the rules of %s', (_, path) => {
    expect(promtool('check', 'rules', path)).toMatchObject({ passed: true });
  });

  it.each(named('rules/tests'))(
    'sees the rules of %s fire, stay silent and record what their tests expect',
    (_, path) => {
      const { passed, output } = promtool('test', 'rules', path);
      expect([passed, output]).toEqual([true, expect.stringContaining('SUCCESS')]);
    },
  );

  describe('on a doctored copy', () => {
    let folder: string;
    const doctor = (file: string, from: string, to: string): void => {
      const path = join(folder, file);
      const content = readFileSync(path, 'utf8');
      expect(content).toContain(from);
      writeFileSync(path, content.replace(from, to));
    };
    const test = (file: string) => promtool('test', 'rules', join(folder, 'tests', file));

    beforeEach(() => {
      folder = mkdtempSync(join(tmpdir(), 'antiphon-rules-'));
      cpSync(join(__dirname, '../../knative/observability/rules'), folder, { recursive: true });
    });
    afterEach(() => rmSync(folder, { recursive: true }));

    it('refuses an alert whose threshold is out of reach', () => {
      doctor(
        'workers.yaml',
        'namespace_lane:antiphon_busy_seats:ratio > 0.9',
        'namespace_lane:antiphon_busy_seats:ratio > 9',
      );
      expect(test('workers.yaml').passed).toBe(false);
    });

    it('refuses an alert that always fires', () => {
      doctor('gateway.yaml', 'error_ratio5m > 0.05', 'error_ratio5m >= 0');
      expect(test('gateway.yaml').passed).toBe(false);
    });

    it('refuses a recording that counts a lane once for each gateway', () => {
      doctor('scaling.yaml', 'max by (namespace, lane) (sum by', 'sum by (namespace, lane) (sum by');
      expect(test('scaling.yaml').passed).toBe(false);
    });

    it('refuses what is no rule', () => {
      doctor('bus.yaml', 'avg by (namespace, job)', 'avg by (namespace, job');
      expect(promtool('check', 'rules', join(folder, 'bus.yaml')).passed).toBe(false);
    });
  });
});
