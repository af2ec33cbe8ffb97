import type { SourceChange } from './source.ts';

/** A source transaction whose beginning has been read and whose end has not. */
export interface OpenTransaction {
  readonly gtid: string;
  readonly serverId: number;
  /** A group of one event without a commit: DDL and the like. */
  standalone: boolean;
  /** XA: ends by being prepared. */
  prepared: boolean;
  /** MySQL: id of the connection that made it. */
  thread: number | null;
  /** MySQL: when it was committed at first, epoch µs. */
  readonly commitUs: number | null;
  /** How many changes there were at each savepoint. */
  readonly savepoints: Map<string, number>;
  changes: SourceChange[];
  bytes: number;
  /** Some of its changes went out in a part. */
  handedOver: boolean;
  lastPos: number;
}

type Begun = 'gtid' | 'serverId' | 'standalone' | 'prepared' | 'commitUs' | 'lastPos';

export const openTransaction = (begun: Pick<OpenTransaction, Begun>): OpenTransaction => ({
  ...begun,
  thread: null,
  savepoints: new Map(),
  changes: [],
  bytes: 0,
  handedOver: false,
});

/** Takes back what came after a savepoint. @returns false when that cannot be told any more. */
export function rollBackTo(txn: OpenTransaction, savepoint: string): boolean {
  if (txn.changes.length === 0 && !txn.handedOver) return true;
  const count = txn.savepoints.get(savepoint);
  if (txn.handedOver || count === undefined) return false;
  txn.changes.length = count;
  return true;
}
