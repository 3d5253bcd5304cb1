import { Watchdog } from './watchdog';

describe('Watchdog', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  it('calls back once, when the limit has passed', () => {
    const onLate = jest.fn();
    new Watchdog().start(1_500, onLate);
    jest.advanceTimersByTime(1_499);
    expect(onLate).not.toHaveBeenCalled();
    jest.advanceTimersByTime(1);
    expect(onLate).toHaveBeenCalledTimes(1);
    jest.advanceTimersByTime(10_000);
    expect(onLate).toHaveBeenCalledTimes(1);
  });

  it('does not call back when it was stopped, and begins anew when it is started again', () => {
    const [first, second] = [jest.fn(), jest.fn()];
    const watchdog = new Watchdog();
    watchdog.start(600, first);
    jest.advanceTimersByTime(500);
    watchdog.start(600, second);
    jest.advanceTimersByTime(500);
    watchdog.stop();
    jest.advanceTimersByTime(5_000);
    expect(first).not.toHaveBeenCalled();
    expect(second).not.toHaveBeenCalled();
  });

  it('does not take a machine that was suspended for a hang: a look that comes hours late counts once', () => {
    const onLate = jest.fn();
    let look = (): void => undefined;
    const watchdog = new Watchdog((_intervalMs, onLook) => {
      look = onLook;
      return () => undefined;
    });
    watchdog.start(1_500, onLate);
    // The machine slept through any number of intervals: Node calls back once for all of them.
    look();
    expect(onLate).not.toHaveBeenCalled();
    for (let more = 0; more < 5; more += 1) look();
    expect(onLate).toHaveBeenCalledTimes(1);
  });
});
