import type { OutRecord } from '../../platform/log/log.ts';
import { inTransaction } from '../../platform/in-transaction.ts';
import { sendTogether } from '../../platform/log/send-together.ts';
import { quoteName } from '../../platform/mysql.ts';
import type { LetterStore } from './find-letters.ts';
import type { WholeLetter } from './letter.ts';
import type { ReplayPlan } from './plan-replay.ts';

/** What a plan does, in words. */
export const planText = (plan: ReplayPlan): string =>
  plan.kind === 'repair'
    ? `account ${plan.accountId}: the windows that wait are folded`
    : plan.records.map((one) => `feed record at the end of partition ${one.partition}`).join(', ');

/**
 * Does what was planned, and writes down who did it. A record that is there twice, because the note was lost, is
 * absorbed by the identity of its event.
 */
export async function replayLetter(
  store: LetterStore,
  letter: WholeLetter,
  plan: ReplayPlan,
  by: string,
): Promise<void> {
  if (plan.kind === 'append') await append(store, plan.records);
  else await requestRepair(store, plan);
  await store.pool.query(
    `INSERT INTO ${quoteName(store.schema, 'dead_letter_replay')}
       (generation, letter, replayed_by, what) VALUES (?, ?, ?, ?)`,
    [store.generation.id, letter.id, by.slice(0, 128), planText(plan).slice(0, 255)],
  );
}

async function append({ log, prefix }: LetterStore, records: readonly OutRecord[]): Promise<void> {
  await using writer = await log.writer({
    transactionalId: `${prefix}-replay`,
    topicPrefix: prefix,
  });
  await sendTogether(writer, records);
}

/** The worker of the partition is fenced: it claims the partition anew, and finds the request. */
async function requestRepair(
  { pool, schema, generation }: LetterStore,
  { accountId, partition }: ReplayPlan & { readonly kind: 'repair' },
): Promise<void> {
  await inTransaction(pool, async (connection) => {
    await connection.query(
      `INSERT IGNORE INTO ${quoteName(schema, 'account_repair')} (generation, partition_id, account_id)
       VALUES (?, ?, ?)`,
      [generation.id, partition, accountId],
    );
    await connection.query(
      `UPDATE ${quoteName(schema, 'progress')} SET epoch = epoch + 1
       WHERE generation = ? AND partition_id = ?`,
      [generation.id, partition],
    );
  });
}
