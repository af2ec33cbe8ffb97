/** A failure that UsageStream is to survive, and what shows that it does. */
export interface Failure {
  readonly n: number;
  readonly fault: string;
  /** What must hold. */
  readonly holds: string;
  /** `file: title`, the file by its name in test/. */
  readonly tests: readonly string[];
  /** Covered by tests that are still being written: by whom. */
  readonly pending?: string;
  /** What no test shows, and why that is acceptable. */
  readonly reason?: string;
}
