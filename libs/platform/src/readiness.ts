/** The checks that must pass before an app can serve. A check reads a state that the app maintains and does no work. */
export class Readiness {
  private readonly checks = new Map<string, () => boolean>();
  private draining = false;

  /** Adds a check. Its name must be clear to an operator: `bus connected`. */
  add(name: string, isMet: () => boolean): void {
    this.checks.set(name, isMet);
  }

  /** Makes the app not ready for good, so that it gets no new requests. */
  drain(): void {
    this.draining = true;
  }

  /** Every check by name, and whether it passes. `not draining` is the first. */
  states(): [string, boolean][] {
    return [
      ['not draining', !this.draining],
      ...[...this.checks].map(([name, isMet]): [string, boolean] => [name, isMet()]),
    ];
  }

  /** Names of the failed checks. Empty if the app is ready. */
  missing(): string[] {
    return this.states().flatMap(([name, isMet]) => (isMet ? [] : [name]));
  }
}
