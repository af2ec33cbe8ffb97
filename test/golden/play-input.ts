import { quoteName } from '../../src/platform/mysql.ts';
import type { MysqlTarget } from '../../src/platform/mysql.ts';
import { openPlayer } from '../../src/simulate/schema.ts';
import { withoutComments } from '../support/sql-script.ts';

/** Characters of one message: far below what a server takes, and enough to hide the round trip. */
const messageLength = 1_000_000;

/**
 * Plays an input.sql into a schema. Statements of one commit time are one transaction, so that the
 * binlog has the times and the order that the script gives, and a large script takes seconds.
 */
export async function playInput(
  script: string,
  target: MysqlTarget,
  cloudSchema: string,
): Promise<void> {
  await using player = await openPlayer(target);
  for (const message of messages(script, cloudSchema)) await player.query(message);
}

/** The script's lines with the schema's name, cut where a commit time begins. */
export function* messages(
  script: string,
  cloudSchema: string,
  length = messageLength,
): Generator<string, void, undefined> {
  const schema = quoteName(cloudSchema);
  let message: string[] = [];
  let size = 0;
  for (const part of withoutComments(script).split(/(?<=^|;)\s*(?=SET TIMESTAMP\b)/im)) {
    const sql = part.replaceAll(tableName, `$1$2 ${schema}.`);
    const whole = transaction(sql);
    message.push(whole);
    size += whole.length;
    if (size < length) continue;
    yield message.join('\n');
    [message, size] = [[], 0];
  }
  if (message.some((sql) => sql.trim() !== '')) yield message.join('\n');
}

/** Where a statement of the script names its table. */
const tableName = /(^|;\s*)(INSERT INTO|UPDATE|DELETE FROM) cloud\./gim;

/** A SET TIMESTAMP and what follows it, committed together. */
function transaction(part: string): string {
  const end = part.indexOf(';') + 1;
  if (!/^SET TIMESTAMP/i.test(part) || end === 0 || part.slice(end).trim() === '') return part;
  return `${part.slice(0, end)} BEGIN;${part.slice(end).trimEnd().replace(/;?$/, ';')} COMMIT;`;
}
