/** Facts of an event: JSON values without a key, a licence text, a transcript or a text to speak. */
export type AuditFacts = Readonly<Record<string, unknown>>;

/** Where parts of the license app report what an auditor may ask about. */
export interface AuditTrail {
  /** Records an event of this moment. Resolves once the record is stored, which waits for NATS. Never rejects. */
  record(type: string, facts?: AuditFacts): Promise<void>;
}

/** The same for an action that must not take effect without its record. */
export interface RequiredTrail extends AuditTrail {
  /** Throws `audit_log_full` while the log takes no more. */
  assertRoom(): void;
  /**
   * As `record`, but rejects with `audit_log_full` or `bus_unavailable` if the record is not stored within a few seconds. It
   * still waits then and is stored later.
   */
  require(type: string, facts?: AuditFacts): Promise<void>;
}
