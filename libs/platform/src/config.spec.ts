import { IsBoolean, IsIn, IsInt, IsNumber, IsOptional, IsString, Max, Min } from 'class-validator';
import { ProblemError } from '@app/protocol';
import { describeConfig, loadConfig, Variable } from './config';

class SampleConfig {
  @Variable('Port of the API.')
  @IsInt()
  @Min(1)
  @Max(65_535)
  port = 5000;

  @Variable('Where the bus is.')
  @IsString()
  natsUrl!: string;

  @Variable('Share of the seats.')
  @IsNumber()
  seatShare = 0.5;

  @Variable('Whether to warm up.')
  @IsBoolean()
  warmUp = true;

  @Variable('Lanes to serve.')
  @IsString({ each: true })
  lanes: string[] = ['tts.piper'];

  @Variable('How batches form.')
  @IsIn(['auto', 'always', 'off'])
  batching = 'auto';

  @Variable('A file.')
  @IsOptional()
  @IsString()
  licenseFile?: string;
}

const minimal = { NATS_URL: 'nats://bus' };

const detailOf = (environment: Record<string, string>): string => {
  try {
    loadConfig(SampleConfig, environment);
  } catch (error) {
    expect(error).toBeInstanceOf(ProblemError);
    expect((error as ProblemError).code).toBe('config_invalid');
    return (error as ProblemError).detail;
  }
  throw new Error('the configuration was accepted');
};

describe('loadConfig', () => {
  it('keeps the defaults of what is unset or empty', () => {
    const config = loadConfig(SampleConfig, { ...minimal, PORT: '', BATCHING: '  ' });
    expect(config).toMatchObject({ port: 5000, seatShare: 0.5, warmUp: true, lanes: ['tts.piper'], batching: 'auto' });
    expect(config.licenseFile).toBeUndefined();
  });

  it('converts numbers, booleans and lists', () => {
    const environment = { ...minimal, PORT: '80', SEAT_SHARE: '0.25', WARM_UP: 'off', LANES: 'tts.a, stt.b,' };
    const expected = { port: 80, seatShare: 0.25, warmUp: false, lanes: ['tts.a', 'stt.b'] };
    expect(loadConfig(SampleConfig, environment)).toMatchObject(expected);
  });

  it('names every wrong variable and its rule, and no value', () => {
    const detail = detailOf({ PORT: 'sekrit1', WARM_UP: 'sekrit2', BATCHING: 'sekrit3' });
    for (const name of ['PORT', 'WARM_UP', 'BATCHING', 'NATS_URL must be set']) expect(detail).toContain(name);
    expect(detail).toContain('must be one of the following values: auto, always, off');
    expect(detail).not.toContain('sekrit');
  });

  it('refuses a number outside its bounds', () => {
    expect(detailOf({ ...minimal, PORT: '70000' })).toBe('PORT must not be greater than 65535.');
  });

  it('gives a configuration that cannot be changed', () => {
    const config = loadConfig(SampleConfig, minimal) as SampleConfig;
    expect(() => (config.port = 1)).toThrow(TypeError);
    expect(() => config.lanes.push('x')).toThrow(TypeError);
  });
});

it('describes each variable with its default', () => {
  const lines = describeConfig(SampleConfig).split('\n');
  expect(lines).toHaveLength(7);
  expect(lines[0]).toMatch(/^ {2}PORT +5000 +Port of the API\.$/);
  expect(lines[1]).toMatch(/^ {2}NATS_URL +- +Where the bus is\.$/);
});
