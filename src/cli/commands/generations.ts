import { dropGeneration, refuseUsed } from '../../aggregate/drop-generation.ts';
import { requireGeneration } from '../../aggregate/made-generation.ts';
import { Option } from 'commander';
import { storedWindow } from '../../domain/stored-window.ts';
import { quoteName } from '../../platform/mysql.ts';
import type { RowDataPacket } from '../../platform/mysql.ts';
import { defineCommand } from '../command.ts';
import { storeTakes, withStore } from '../rebuild/store-access.ts';

const iso = (ms: unknown): string | null =>
  ms === null || ms === undefined ? null : new Date(Number(ms)).toISOString();

const list = defineCommand({
  name: 'list',
  what: 'every generation: its rules, state, how far it has closed and published, its rows',
  example: 'usagestream generations list --sink mysql://operator@db:3306',
  takes: storeTakes,
  run: (values, _own, context) =>
    withStore(values, async ({ pool, schema }) => {
      const q = (table: string) => quoteName(schema, table);
      const [rows] = await pool.query<RowDataPacket[]>(
        `SELECT g.name, g.state, g.preset, g.settings, g.range_minutes, g.time_zone,
           (SELECT MIN(closed_until_ms) FROM ${q('progress')} p WHERE p.generation = g.id) AS closed_ms,
           (SELECT COUNT(*) FROM ${q('published_window')} w WHERE w.generation = g.id) AS windows,
           (SELECT MAX(window_end_ms) FROM ${q('published_window')} w WHERE w.generation = g.id) AS published_ms,
           (SELECT COUNT(*) FROM ${q('record')} r WHERE r.generation = g.id) AS row_count,
           (SELECT n.name FROM ${q('succession')} s JOIN ${q('generation')} n ON n.id = s.superseded_by
            WHERE s.generation = g.id) AS superseded_by
         FROM ${q('generation')} g ORDER BY g.id`,
      );
      for (const row of rows) {
        const { rangeMinutes, timeZone, originMs } = storedWindow({
          rangeMinutes: Number(row['range_minutes']),
          timeZone: String(row['time_zone']),
          settings: String(row['settings']),
        });
        const one = {
          name: String(row['name']),
          state: String(row['state']),
          live: row['state'] === 'live',
          preset: String(row['preset']),
          ...{ rangeMinutes, timeZone, windowOrigin: iso(originMs) },
          closedUntil: iso(row['closed_ms']),
          publishedWindows: Number(row['windows']),
          publishedUntil: iso(row['published_ms']),
          rows: Number(row['row_count']),
          supersededBy: row['superseded_by'] === null ? null : String(row['superseded_by']),
        };
        if (context.json) console.log(JSON.stringify(one));
        else
          console.log(
            `${one.live ? '*' : ' '} ${one.name}  ${one.state}  ${one.preset}  closed until ${one.closedUntil ?? '-'}  ` +
              `${one.publishedWindows} windows published  ${one.rows} rows` +
              (one.supersededBy === null ? '' : `  superseded by ${one.supersededBy}`),
          );
      }
      return 0;
    }),
});

const drop = defineCommand({
  name: 'drop',
  what: 'delete a generation that is not live, with all its events, rows and states',
  example: 'usagestream generations drop fixed --sink mysql://rebuild@db:3306 --dry-run',
  args: { name: '<generation>', what: 'its name' },
  takes: storeTakes,
  options: [new Option('--dry-run', 'say what would be deleted, change nothing')],
  run: (values, own, context) =>
    withStore(values, async ({ pool, schema }) => {
      const [name = ''] = own['args'] as string[];
      const { id, state } = await requireGeneration(pool, schema, name);
      const isDry = own['dryRun'] === true;
      if (isDry) await refuseUsed(pool, schema, id);
      const deleted = isDry ? 0 : await dropGeneration(pool, schema, id);
      const what = isDry
        ? `${name} (${state}) would be dropped`
        : `${name}: ${deleted} rows deleted`;
      console.log(context.json ? JSON.stringify({ generation: name, state, deleted }) : what);
      return 0;
    }),
});

export const generationCommands = { list, drop };
