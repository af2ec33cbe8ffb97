/** What can stand still and go on: the connection of the binlog. */
export interface Stoppable {
  pause(): void;
  resume(): void;
}

/**
 * Holds the connection while there is no room for what it brings, or while what it has brought is still
 * being unpacked. It goes on when neither is so any more.
 */
export class Flow {
  readonly #connection: () => Stoppable | null;
  #fullSinceMs: number | null = null;
  #unpacking = false;
  #closed = false;
  #wake: () => void = () => {};

  constructor(connection: () => Stoppable | null) {
    this.#connection = connection;
  }

  /** Since when there has been no room, by the monotonic clock; null while there is. */
  get fullSinceMs(): number | null {
    return this.#fullSinceMs;
  }

  /** Whether nothing comes because what came last is at work. */
  get isUnpacking(): boolean {
    return this.#unpacking;
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  full(nowMs: number): void {
    this.#fullSinceMs ??= nowMs;
    this.keep();
  }

  roomy(): void {
    this.#fullSinceMs = null;
    this.#wake();
    this.#goOn();
  }

  beginUnpacking(): void {
    this.#unpacking = true;
    this.keep();
  }

  endUnpacking(): void {
    this.#unpacking = false;
    this.#goOn();
  }

  /** Again, after somebody else may have let the connection go on. */
  keep(): void {
    if (this.#fullSinceMs !== null || this.#unpacking) this.#connection()?.pause();
  }

  /** Resolves when there is room, or when there is nothing more to do. */
  async room(): Promise<void> {
    while (this.#fullSinceMs !== null && !this.#closed)
      await new Promise<void>((resolve) => (this.#wake = resolve));
  }

  close(): void {
    this.#closed = true;
    this.#wake();
  }

  #goOn(): void {
    if (this.#fullSinceMs === null && !this.#unpacking && !this.#closed)
      this.#connection()?.resume();
  }
}
