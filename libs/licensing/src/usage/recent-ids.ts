/** The ids that were added last: at least `max` of them, and at most twice as many. */
export class RecentIds {
  private latest = new Set<string>();
  private earlier = new Set<string>();

  constructor(private readonly max: number) {}

  /** False if the id is there already. */
  add(id: string): boolean {
    if (this.latest.has(id) || this.earlier.has(id)) return false;
    if (this.latest.size >= this.max) {
      this.earlier = this.latest;
      this.latest = new Set();
    }
    this.latest.add(id);
    return true;
  }
}
