/** What is missing until an app can serve. Checks read a state that the app keeps; they do no work of their own. */
export class Readiness {
  private readonly checks = new Map<string, () => boolean>();
  private draining = false;

  /** Adds a check under a name that an operator understands: `bus connected`. */
  add(name: string, isMet: () => boolean): void {
    this.checks.set(name, isMet);
  }

  /** From now on not ready, so that nobody sends more. */
  drain(): void {
    this.draining = true;
  }

  /** Every check by name, and whether it is met; `not draining` is the first. */
  states(): [string, boolean][] {
    return [
      ['not draining', !this.draining],
      ...[...this.checks].map(([name, isMet]): [string, boolean] => [name, isMet()]),
    ];
  }

  /** Names of what is missing; empty when ready. */
  missing(): string[] {
    return this.states().flatMap(([name, isMet]) => (isMet ? [] : [name]));
  }
}
