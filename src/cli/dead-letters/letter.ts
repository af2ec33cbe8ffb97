import type { ChangeDeadLetter } from '../../contracts/messages.ts';
import { AppError } from '../../platform/errors.ts';

/** One refused record as the commands show it. */
export interface Letter {
  /** `12`: row of table dead_letter; `tail-7`: offset in the topic, for a change that never got into the feed. */
  readonly id: string;
  readonly stage: 'aggregate' | 'tail';
  readonly reason: string;
  readonly accountId: string | null;
  /** `YYYY-MM-DD hh:mm:ss.sss`, GMT. */
  readonly recordedAt: string;
  /** Of the record in the feed, or of the change in the binlog. */
  readonly place: string;
  readonly facts: unknown;
  /** The last replay; null while there was none. */
  readonly replayed: { readonly at: string; readonly by: string; readonly what: string } | null;
}

/** A letter with all that was refused. */
export type WholeLetter = Letter &
  (
    | { readonly stage: 'aggregate'; readonly feed: FeedPlace }
    | { readonly stage: 'tail'; readonly change: ChangeDeadLetter }
  );

export interface FeedPlace {
  readonly partition: number;
  readonly offset: number;
  readonly key: Buffer | null;
  /** null: the record had none, or it did not fit the table. */
  readonly value: Buffer | null;
}

export type LetterId = { readonly row: string } | { readonly offset: number };

/** Reads `12` or `tail-7`. @throws CONFIG_INVALID for anything else. */
export function parseLetterId(text: string): LetterId {
  const [, tail, number] = /^(tail-)?(\d{1,15})$/.exec(text) ?? [];
  if (number === undefined)
    throw new AppError('CONFIG_INVALID', { problems: [`${text}: not a dead letter's id`] });
  return tail === undefined ? { row: number } : { offset: Number(number) };
}

/** What an operator does about a reason; shown with each letter. */
export const advice: Readonly<Record<string, string>> = {
  MALFORMED: 'correct the record and replay it with --value FILE',
  WRONG_VERSION: 'replay it with a build that reads this version',
  WRONG_PARTITION: "replay it: it goes to its account's partition",
  EVENT_ID_CONFLICT:
    'nothing, when the first of the two is right: it stays as it is; else correct the account by hand',
  MISSING_VALUE:
    'replay it with --value FILE, a corrected copy of the record, with the same event id',
  INVALID_VALUE:
    'replay it with --value FILE, a corrected copy of the record, with the same event id',
  UNKNOWN_ACCOUNT: 'replay it once the account row has arrived',
  UNKNOWN_EVENT: 'replay it once its event has arrived',
  FOLD_BUG:
    'report it with the facts; replay it with a build that has the fault mended: the windows that wait are then folded and published in order',
};
