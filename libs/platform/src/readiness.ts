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

  /** Names of what is missing; empty when ready. */
  missing(): string[] {
    const unmet = [...this.checks].filter(([, isMet]) => !isMet()).map(([name]) => name);
    return this.draining ? ['not draining', ...unmet] : unmet;
  }
}
