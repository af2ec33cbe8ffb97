import { sendTogether } from '../platform/log/send-together.ts';
import { deadLetters } from '../../streams/index.ts';
import type { DeadLetterReason } from '../contracts/error-codes.ts';
import { isU64, u64 } from '../contracts/ids.ts';
import type { U64 } from '../contracts/ids.ts';
import { MESSAGE_VERSION } from '../contracts/messages.ts';
import type { FeedDeadLetter } from '../contracts/messages.ts';
import { crashPoint } from '../platform/crash-points.ts';
import type { OutRecord } from '../platform/log/log.ts';
import { jsonOrText } from './json-or-text.ts';
import type { SendContext } from './send-window.ts';
import type { SqlRow } from './session.ts';

const pageRows = 200;
/** Of a value, so that its base64 and the rest stay below Kafka's 1 MiB a message. */
const valueLimitBytes = 600 * 1024;
const pageBytes = 4 * 1024 * 1024;

/**
 * Sends a page of refused records and marks them as relayed, at least once each.
 * @returns how many were sent; 0 when none waits
 */
export async function sendDeadLetters(context: SendContext): Promise<number> {
  const { session, t, generation, writer } = context;
  const waiting = await session.rows(
    `SELECT id, COALESCE(OCTET_LENGTH(record_value), 0) AS bytes FROM ${t.deadLetter}
     WHERE relayed = 0 AND generation = ? ORDER BY id LIMIT ${pageRows}`,
    [generation.id],
  );
  const ids = withinBytes(waiting);
  if (ids.length === 0) return 0;
  const letters = await session.rows(
    `SELECT partition_id, feed_offset, reason, account_id, facts, record_key, recorded_at,
       LEFT(record_value, ${valueLimitBytes}) AS record_value,
       COALESCE(OCTET_LENGTH(record_value), 0) AS bytes
     FROM ${t.deadLetter} WHERE id IN (?) ORDER BY id`,
    [ids],
  );
  await sendTogether(
    writer,
    letters.map((letter) => deadLetterMessage(context, letter)),
  );
  crashPoint('sink.dead-letters-after-send-before-mark');
  await session.run(`UPDATE ${t.deadLetter} SET relayed = 1 WHERE id IN (?)`, [ids]);
  return ids.length;
}

/** The first ids whose values fit into a page; at least one. */
function withinBytes(waiting: readonly SqlRow[]): unknown[] {
  let bytes = 0;
  return waiting
    .filter((row, index) => {
      bytes += Math.min(Number(row['bytes']), valueLimitBytes);
      return index === 0 || bytes <= pageBytes;
    })
    .map((row) => row['id']);
}

function deadLetterMessage({ generation, prefix }: SendContext, row: SqlRow): OutRecord {
  const partition = Number(row['partition_id']);
  const offset = Number(row['feed_offset']);
  const message: FeedDeadLetter = {
    v: MESSAGE_VERSION,
    stage: 'aggregate',
    reason: String(row['reason']) as DeadLetterReason,
    facts: jsonOrText(String(row['facts'])),
    accountId: accountOf(row),
    generation: generation.name,
    topic: generation.feedTopic,
    partition,
    offset,
    recordedAt: String(row['recorded_at']),
    key: base64(row['record_key']),
    value: base64(row['record_value']),
    valueBytes: Number(row['bytes']),
  };
  return {
    topic: deadLetters.topic(prefix),
    partition: null,
    key: `${generation.feedTopic}/${partition}/${offset}`,
    value: JSON.stringify(message),
  };
}

/** That of a fold that threw, else the key of the record. */
function accountOf(row: SqlRow): U64 | null {
  if (row['account_id'] !== '0') return u64(String(row['account_id']));
  const key = Buffer.isBuffer(row['record_key']) ? row['record_key'].toString() : '';
  return isU64(key) ? key : null;
}

const base64 = (value: SqlRow[string] | undefined): string | null =>
  Buffer.isBuffer(value) ? value.toString('base64') : null;
