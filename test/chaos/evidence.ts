import { createWriteStream, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { once } from 'node:events';
import type { Pipeline } from '../../src/cli/demo/pipeline.ts';
import { quoteName } from '../../src/platform/mysql.ts';
import type { RowDataPacket } from '../../src/platform/mysql.ts';
import { positions, usageFeed } from '../../streams/index.ts';

const tables = ['record', 'correction', 'late_event', 'anomaly', 'dead_letter', 'progress'];

/**
 * Writes down what a run that found something wrong leaves, before it is removed: the feed and the positions,
 * record by record in their order, our tables, and what the processes said.
 *
 * @returns the folder
 */
export async function keepEvidence({ log, pool, names }: Pipeline, said: string): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'usagestream-evidence-'));
  writeFileSync(join(folder, 'logs.txt'), said);
  const { signal } = new AbortController();
  for (const stream of [usageFeed, positions]) {
    const topic = stream.topic(names.prefix);
    const file = createWriteStream(join(folder, `${stream.name}.txt`));
    for (const { partition, earliest: from, next: until } of await log.offsets(topic))
      for await (const { records } of log.read({ topic, partition, from, until, signal }))
        for (const { offset, timestampMs, key, value } of records)
          file.write(`${partition}@${offset} ${timestampMs} ${String(key)} ${String(value)}\n`);
    file.end();
    await once(file, 'finish');
  }
  for (const table of tables) {
    const [rows] = await pool.query<RowDataPacket[]>(
      `SELECT * FROM ${quoteName(names.schema, table)}`,
    );
    const file = createWriteStream(join(folder, `${table}.txt`));
    for (const row of rows) file.write(`${JSON.stringify(row)}\n`);
    file.end();
    await once(file, 'finish');
  }
  return folder;
}
