import type { DiffRow } from '../../domain/diff.ts';
import { compareU64 } from '../../contracts/ids.ts';
import type { U64 } from '../../contracts/ids.ts';
import type { EpochMs } from '../../contracts/time.ts';

/** The rows that one side has of one account and window. */
export interface Group {
  readonly windowStartMs: EpochMs;
  readonly accountId: string;
  readonly rows: readonly DiffRow[];
}

/** One side of a comparison: groups ascend by window, then account. May be read again and again. */
export interface Side {
  readonly name: string;
  /** Whether its rows have natural keys. */
  readonly isGeneration: boolean;
  /** Whether a Java usage server may have written its rows. */
  readonly isJava: boolean;
  /** @param natural Whether keys are natural ones: only when both sides have them. */
  groups(natural: boolean): AsyncIterable<Group>;
}

/** Puts rows that ascend by window and account together. */
export async function* grouped(rows: AsyncIterable<DiffRow>): AsyncGenerator<Group> {
  let group = null as { windowStartMs: EpochMs; accountId: string; rows: DiffRow[] } | null;
  for await (const row of rows) {
    const { windowStartMs, accountId } = row;
    if (group?.windowStartMs !== windowStartMs || group.accountId !== accountId) {
      if (group) yield group;
      group = { windowStartMs, accountId, rows: [] };
    }
    group.rows.push(row);
  }
  if (group) yield group;
}

export const compareGroups = (
  a: Pick<Group, 'windowStartMs' | 'accountId'>,
  b: Pick<Group, 'windowStartMs' | 'accountId'>,
): number =>
  a.windowStartMs - b.windowStartMs || compareU64(a.accountId as U64, b.accountId as U64);

/** Walks sides together: for each window and account that any has, what each has of it. */
export async function* mergeGroups(
  sides: readonly AsyncIterable<Group>[],
): AsyncGenerator<readonly (readonly DiffRow[])[]> {
  const readers = sides.map((side) => side[Symbol.asyncIterator]());
  try {
    const heads = await Promise.all(readers.map((reader) => reader.next()));
    for (;;) {
      const open = heads.flatMap((head) => (head.done === true ? [] : [head.value]));
      const [first] = open.toSorted(compareGroups);
      if (first === undefined) return;
      const isHere = heads.map(
        (head) => head.done !== true && compareGroups(head.value, first) === 0,
      );
      yield heads.map((head, at) => (isHere[at] && head.done !== true ? head.value.rows : []));
      for (const [at, reader] of readers.entries()) if (isHere[at]) heads[at] = await reader.next();
    }
  } finally {
    for (const reader of readers) await reader.return?.();
  }
}
