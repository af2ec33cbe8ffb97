import { Option } from 'commander';
import { usageFeed } from '../../../streams/usage-feed.ts';
import { followGeneration } from '../../aggregate/made-generation.ts';
import { sqlDateTime } from '../../contracts/time.ts';
import { createLogger } from '../../platform/logger.ts';
import { quoteName } from '../../platform/mysql.ts';
import type { RowDataPacket } from '../../platform/mysql.ts';
import { defineCommand } from '../command.ts';
import { feedTakes, withFeed } from '../rebuild/store-access.ts';
import { sourceLines, sourceStatus } from '../source-status.ts';
import { statusByZone } from '../status-by-zone.ts';

export const statusCommand = defineCommand({
  name: 'status',
  what: 'the source and how it is followed; where each partition stands: owner, lag, watermark, closed windows; and what was refused',
  example: 'usagestream status --sink mysql://api@db:3306 --log kafka://k1:9092 --prefix acs',
  options: [new Option('--by <what>', 'also add up lag, load and rows by zone').choices(['zone'])],
  takes: [...feedTakes, 'generation'],
  run: (values, own, context) =>
    withFeed(
      values,
      { logger: createLogger({ level: 'silent' }) },
      async ({ pool, log }) => {
        const q = (table: string) => quoteName(values.schema, table);
        // None yet: its workers may not have begun.
        const followed = await followGeneration(pool, values.schema, values.generation);
        const generation = followed?.name ?? values.generation;
        const [partitions] = await pool.query<RowDataPacket[]>(
          `SELECT p.partition_id, p.owner, p.epoch, p.next_offset, p.watermark_ms, p.closed_until_ms
         FROM ${q('progress')} p JOIN ${q('generation')} g ON g.id = p.generation
         WHERE g.name = ? ORDER BY p.partition_id`,
          [generation],
        );
        const [refused] = await pool.query<RowDataPacket[]>(
          `SELECT d.reason, COUNT(*) AS n FROM ${q('dead_letter')} d
         JOIN ${q('generation')} g ON g.id = d.generation WHERE g.name = ? GROUP BY d.reason`,
          [generation],
        );
        const [published] = await pool.query<RowDataPacket[]>(
          `SELECT COUNT(*) AS windows, MAX(w.window_end_ms) AS until_ms, SUM(w.row_count) AS row_count
         FROM ${q('published_window')} w JOIN ${q('generation')} g ON g.id = w.generation
         WHERE g.name = ?`,
          [generation],
        );
        const offsets = await log.offsets(usageFeed.topic(values.prefix));
        const ends = new Map(offsets.map((p) => [p.partition, p.next]));
        const lines = partitions.map((p) => ({
          partition: Number(p['partition_id']),
          owner: p['owner'] === null ? null : String(p['owner']),
          lag: Math.max(0, (ends.get(Number(p['partition_id'])) ?? 0) - Number(p['next_offset'])),
          watermark: time(p['watermark_ms']),
          closedUntil: time(p['closed_until_ms']),
        }));
        const open = (await log.openTransactions?.(`${values.prefix}.usage-feed`)) ?? [];
        const summary = {
          generation: { name: generation, state: followed?.state ?? null },
          windows: Number(published[0]?.['windows'] ?? 0),
          publishedUntil: time(published[0]?.['until_ms']),
          rows: Number(published[0]?.['row_count'] ?? 0),
          deadLetters: Object.fromEntries(
            refused.map((r) => [String(r['reason']), Number(r['n'])]),
          ),
          // Nobody can read past them: of a tailer at work they end within seconds.
          openTransactions: open.map(({ lastMs, ...one }) => ({ ...one, lastWrite: time(lastMs) })),
        };
        const source = await sourceStatus(log, values.prefix, context.signal);
        const zones =
          own['by'] === 'zone'
            ? await statusByZone({
                ...values,
                ...context,
                generation,
                pool,
                log,
                lags: lines,
                offsets,
              })
            : null;
        if (context.json)
          console.log(
            JSON.stringify({ source, partitions: lines, ...summary, ...(zones && { zones }) }),
          );
        else {
          for (const line of sourceLines(source)) console.log(line);
          console.log(
            `generation ${generation}: ${followed?.state ?? 'there is none of that name yet (usagestream generations list)'}` +
              (generation === values.generation ? '' : ` (in the place of ${values.generation})`),
          );
          console.table(lines);
          if (zones)
            console.table(zones.map((z) => ({ ...z, partitions: z.partitions.join(' ') })));
          console.log(
            `published: ${summary.windows} windows until ${summary.publishedUntil ?? '-'}, ${summary.rows} rows`,
          );
          console.log(`dead letters: ${JSON.stringify(summary.deadLetters)}`);
          for (const one of summary.openTransactions)
            console.log(
              `partition ${one.partition} is held back: ${one.held} records behind an open transaction of ` +
                `${one.transactionalId ?? `producer ${one.producerId}`}, last write ${one.lastWrite ?? '-'}`,
            );
        }
        return 0;
      },
      'usagestream-status',
    ),
});

const time = (ms: unknown): string | null =>
  ms === null || ms === undefined ? null : `${sqlDateTime(Number(ms))} GMT`;
