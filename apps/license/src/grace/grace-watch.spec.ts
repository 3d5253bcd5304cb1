import { dayMs, defaultGrace, type GraceCountdown, type Lease, type License, type LicenseMode } from '@app/licensing';
import { Log } from '@app/platform';
import { GraceWatch } from './grace-watch';

const startMs = Date.parse('2026-01-01T00:00:00Z');
const day = (days: number): number => startMs / 1_000 + days * 86_400;
const licenseOf = (jti: string, fromDay: number, days: number): License => ({
  jti,
  sub: 'Example Ltd',
  features: ['tts'],
  limits: {},
  iat: day(fromDay),
  nbf: day(fromDay),
  exp: day(fromDay + days),
  grace: { ...defaultGrace, expiryDays: 20, lostContactDays: 10 },
});
const leaseOf = (fromDay: number, days: number): Lease => {
  return { jti: `lease-${fromDay}`, license: 'lic-1', iat: day(fromDay), exp: day(fromDay + days), checkInSeconds: 60 };
};

let nowMs: number;
let mode: LicenseMode;
let licenses: License[];
let lease: Lease | undefined;
let watch: GraceWatch;
const lines: Record<string, unknown>[] = [];
const shown = new Map<string, GraceCountdown | undefined>();
const log = Log.create('license', 'info', { write: (line) => void lines.push(JSON.parse(line) as (typeof lines)[0]) });

const startProcess = (): void => {
  const metrics = { set: (cause: string, countdown?: GraceCountdown) => void shown.set(cause, countdown) };
  watch = new GraceWatch(() => ({ mode, licenses, lease, nowMs }), metrics, log);
  watch.observe();
};

beforeEach(() => {
  [nowMs, mode, licenses, lease] = [startMs, 'airgapped', [licenseOf('lic-1', 0, 100)], undefined];
  lines.splice(0);
  shown.clear();
  startProcess();
});

/** Lets days pass, an hour at a time. */
const pass = (days: number): void => {
  for (const endMs = nowMs + days * dayMs; nowMs < endMs;) {
    nowMs = Math.min(endMs, nowMs + 3_600_000);
    watch.observe();
  }
};

/** Level, message, cause, and the share where one is stated. */
const said = (): unknown[] => {
  const told = lines.map(({ level, msg, cause, restShare }) =>
    [level, msg, cause, restShare].filter(Boolean).join(' '),
  );
  lines.splice(0);
  return told;
};
const [begins, runsOut, over, left] = [
  'warn licence is in grace; new requests are refused at its end',
  'warn licence grace runs out',
  'error licence grace is over; new requests are refused',
  'info licence grace is left',
];

it('logs when a grace begins, once at 50, 20 and 5 %, and when it ends', () => {
  pass(99);
  expect(said()).toEqual([]);
  pass(10);
  expect(said()).toEqual([`${begins} expiry`]);
  pass(1);
  expect(said()).toEqual([`${runsOut} expiry 0.5`]);
  pass(6);
  expect(said()).toEqual([`${runsOut} expiry 0.2`]);
  pass(3);
  expect(said()).toEqual([`${runsOut} expiry 0.05`]);
  pass(1);
  expect(said()).toEqual([`${over} expiry`]);
  pass(365);
  expect(said()).toEqual([]);
});

it('names the dates of the grace', () => {
  pass(101);
  expect(lines).toEqual([
    expect.objectContaining({ cause: 'expiry', since: '2026-04-11T00:00:00.000Z', until: '2026-05-01T00:00:00.000Z' }),
  ]);
});

it('says after a restart that the grace is on, and the share it has come down to, once', () => {
  pass(117);
  said();
  startProcess();
  expect(said()).toEqual([`${begins} expiry`, `${runsOut} expiry 0.2`]);
  pass(1);
  expect(said()).toEqual([]);
  pass(1);
  expect(said()).toEqual([`${runsOut} expiry 0.05`]);
});

it('says nothing of a process that starts without a grace, and that requests are refused of one that starts after it', () => {
  expect(said()).toEqual([]);
  nowMs = startMs + 500 * dayMs;
  startProcess();
  expect(said()).toEqual([`${over} expiry`]);
});

it('says that a grace is left, and warns anew in each of the next graces, for ten years', () => {
  for (let year = 0; year < 10; year++) {
    pass(111);
    expect(said()).toEqual([`${begins} expiry`, `${runsOut} expiry 0.5`]);
    licenses = [...licenses, licenseOf(`lic-${year + 2}`, (year + 1) * 111, 100)];
    watch.observe();
    expect(said()).toEqual([`${left} expiry`]);
  }
});

it('warns anew where another licence takes over in a grace of its own', () => {
  pass(119);
  said();
  licenses = [licenseOf('lic-2', 101, 6)];
  watch.observe();
  expect(said()).toEqual([`${begins} expiry`, `${runsOut} expiry 0.5`]);
});

it('counts each cause by its own machine, both at once', () => {
  mode = 'connected';
  lease = leaseOf(0, 98);
  pass(104);
  expect(said()).toEqual([`${begins} lost_contact`, `${begins} expiry`, `${runsOut} lost_contact 0.5`]);
  expect(shown.get('expiry')).toMatchObject({ restMs: 16 * dayMs, restShare: 0.8 });
  expect(shown.get('lost_contact')).toMatchObject({ restMs: 4 * dayMs, restShare: 0.4 });
  lease = leaseOf(104, 30);
  watch.observe();
  expect(said()).toEqual([`${left} lost_contact`]);
  expect(shown.get('expiry')).toMatchObject({ restShare: 0.8 });
});

it('shows no loss of contact in air-gapped mode', () => {
  expect([...shown]).toEqual([
    ['expiry', expect.objectContaining({ restShare: 1 })],
    ['lost_contact', undefined],
  ]);
});
