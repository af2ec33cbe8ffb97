import type { DeadLetterReason } from '../contracts/error-codes.ts';
import { isU64 } from '../contracts/ids.ts';
import { MESSAGE_VERSION } from '../contracts/messages.ts';
import type { ChangeDeadLetter } from '../contracts/messages.ts';
import { sqlDateTime } from '../contracts/time.ts';
import type { EpochMs } from '../contracts/time.ts';
import type { OutRecord } from '../platform/log/log.ts';
import { deadLetters } from '../../streams/dead-letters.ts';
import type { SourceChange } from './source.ts';

/** A change that was read but makes no sense, whole, with the reason; only captured columns are in it. */
export function deadLetter(
  prefix: string,
  change: SourceChange,
  reason: DeadLetterReason,
  facts: Readonly<Record<string, unknown>>,
  at: {
    readonly incarnation: number;
    readonly nowMs: EpochMs;
    /** Characters of each column that are kept; default: all. */
    readonly columnLength?: number;
  },
): OutRecord {
  const { file, pos, row, gtid } = change.position;
  const image = (values: SourceChange['after']) =>
    values === null
      ? null
      : Object.fromEntries(
          change.layout.columns.map(({ name }) => {
            const value = values[name] ?? null;
            return [name, value === null ? null : String(value).slice(0, at.columnLength)];
          }),
        );
  const before = image(change.before);
  const after = image(change.after);
  const owner = (after ?? before)?.[change.table === 'account' ? 'id' : 'account_id'] ?? '';
  const letter: ChangeDeadLetter = {
    v: MESSAGE_VERSION,
    stage: 'tail',
    reason,
    facts,
    accountId: isU64(owner) ? owner : null,
    recordedAt: sqlDateTime(at.nowMs),
    origin: { incarnation: at.incarnation, gtid, file, pos, row, commitMs: change.commitMs },
    record: { db: change.db, table: change.table, op: change.op, before, after },
  };
  return {
    topic: deadLetters.topic(prefix),
    partition: 0,
    key: `${file}/${pos}/${row}`,
    value: JSON.stringify(letter),
  };
}
