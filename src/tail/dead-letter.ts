import type { DeadLetterReason } from '../contracts/error-codes.ts';
import type { OutRecord } from '../platform/log/log.ts';
import { deadLetters } from '../../streams/dead-letters.ts';
import type { SourceChange } from './source.ts';

/** A change that was read but makes no sense, whole, with the reason; only captured columns are in it. */
export function deadLetter(
  prefix: string,
  change: SourceChange,
  reason: DeadLetterReason,
  facts: Readonly<Record<string, unknown>>,
): OutRecord {
  const { file, pos, row, gtid } = change.position;
  const image = (values: SourceChange['after']) =>
    values === null
      ? null
      : Object.fromEntries(
          change.layout.columns.map(({ name }) => {
            const value = values[name] ?? null;
            return [name, value === null || typeof value === 'string' ? value : String(value)];
          }),
        );
  return {
    topic: deadLetters.topic(prefix),
    partition: 0,
    key: `${file}/${pos}/${row}`,
    value: JSON.stringify({
      v: 1,
      stage: 'tail',
      reason,
      facts,
      origin: { gtid, file, pos, row, commitMs: change.commitMs },
      record: {
        db: change.db,
        table: change.table,
        op: change.op,
        before: image(change.before),
        after: image(change.after),
      },
    }),
  };
}
