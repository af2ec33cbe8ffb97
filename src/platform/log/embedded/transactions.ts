import type { LogFile } from './file.ts';

/** Makes what a transaction appended visible, and drops what it supersedes in compacted topics. */
export function publishTransaction(file: LogFile, id: number): void {
  const parts = file.all(
    `SELECT o.topic, o.partition, o.first FROM open_part o JOIN topic t ON t.id = o.topic
     WHERE o.transaction_id = ? AND t.cleanup = 'compact'`,
    id,
  );
  for (const part of parts) {
    const place = [Number(part['topic']), Number(part['partition'])] as const;
    const written = file.all(
      `SELECT offset, key FROM record
       WHERE topic = ? AND partition = ? AND offset >= ? AND transaction_id = ? AND key IS NOT NULL
       ORDER BY offset`,
      ...place,
      Number(part['first']),
      id,
    );
    for (const { offset, key } of written) compact(file, place, key as Uint8Array, Number(offset));
  }
  forget(file, id);
}

/** Removes what a transaction appended; its offsets stay a gap. */
export function dropTransaction(file: LogFile, id: number): void {
  file.run(
    `DELETE FROM record WHERE transaction_id = ? AND (topic, partition, offset) IN
       (SELECT r.topic, r.partition, r.offset FROM open_part o JOIN record r
          ON r.topic = o.topic AND r.partition = o.partition AND r.offset >= o.first
        WHERE o.transaction_id = ?)`,
    ...[id, id],
  );
  forget(file, id);
}

/** Ends what a writer that died has left open, once its time is over. @returns true when there was some. */
export function dropExpired(file: LogFile, nowMs: number): boolean {
  const due = file.all('SELECT id FROM open_transaction WHERE expires_ms < ?', nowMs);
  if (due.length === 0) return false;
  file.write(() => {
    for (const { id } of due) dropTransaction(file, Number(id));
  });
  return true;
}

function compact(
  file: LogFile,
  [topic, partition]: readonly [number, number],
  key: Uint8Array,
  offset: number,
): void {
  const place = [topic, partition, key] as const;
  const before = file.one(
    'SELECT offset FROM newest WHERE topic = ? AND partition = ? AND key = ?',
    ...place,
  );
  // A transaction that was opened earlier and ends later has the lower offset.
  const older = Math.min(Number(before?.['offset'] ?? offset), offset);
  const newer = Math.max(Number(before?.['offset'] ?? offset), offset);
  if (older !== newer)
    file.run(
      'DELETE FROM record WHERE topic = ? AND partition = ? AND offset = ?',
      ...[topic, partition, older],
    );
  file.run(
    `INSERT INTO newest (topic, partition, key, offset) VALUES (?, ?, ?, ?)
     ON CONFLICT (topic, partition, key) DO UPDATE SET offset = excluded.offset`,
    ...place,
    newer,
  );
}

function forget(file: LogFile, id: number): void {
  file.run('DELETE FROM open_part WHERE transaction_id = ?', id);
  file.run('DELETE FROM open_transaction WHERE id = ?', id);
}
