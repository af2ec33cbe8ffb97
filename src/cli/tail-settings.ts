import { z } from 'zod';
import { setting } from './setting.ts';
import { binlogPlace, durationMs, onOff, whole } from './setting-schemas.ts';
import { zonePlan } from './zone-setting.ts';

/** Settings of the tailer. */
export const tailSettings = {
  clock: setting({
    name: 'clock',
    value: 'wall|source',
    what: "watermarks from the server's clock, or from commit times in the binlog (history, tests)",
    schema: z.enum(['wall', 'source']).default('wall'),
    shown: 'wall',
  }),
  sourceMode: setting({
    name: 'source-mode',
    value: 'binlog|poll',
    what: 'read changes from the binlog, or the tables again and again where there is none (docs/source-poll.md)',
    schema: z.enum(['binlog', 'poll']).default('binlog'),
    shown: 'binlog',
  }),
  pollInterval: setting({
    name: 'poll-interval',
    value: 'DURATION',
    what: 'time between two polls',
    schema: durationMs.default(30_000),
    shown: '30s',
  }),
  pollWindow: setting({
    name: 'poll-window',
    value: 'DURATION',
    what: 'how long after its id was given out a row may commit and still be found by polling; watermarks stay so far behind',
    schema: durationMs.default(600_000),
    shown: '10m',
  }),
  sourceChange: setting({
    name: 'source-change',
    value: 'heal|stop',
    what: 'when reading cannot go on from where it was (docs/source-changes.md): find what is missing by id, or stop',
    schema: z.enum(['heal', 'stop']).default('heal'),
    shown: 'heal',
  }),
  healPast: setting({
    name: 'heal-past',
    value: 'FILE:POS',
    what: 'place of a change in the binlog that cannot be read (TAIL_UNDECODABLE names it): what was committed up to there is found by id instead; of no effect once that is done',
    schema: binlogPlace.optional(),
  }),
  raw: setting({
    name: 'raw',
    value: 'on|off',
    what: "write raw change events in Debezium's form beside the feed",
    schema: onOff.default(true),
    shown: 'on',
  }),
  partitions: setting({
    name: 'partitions',
    value: 'N',
    what: 'partitions of the feed; fixed once it exists',
    schema: whole(1, 1024).default(8),
    shown: '8',
  }),
  zones: setting({
    name: 'zones',
    each: 'zone',
    value: 'ID=FIRST-LAST|auto=N',
    what: 'partitions that a zone has to itself, by zone id; auto=N gives N to each zone that is not named when it first appears; may be repeated, in the environment with commas, in YAML as a map (docs/zones.md)',
    schema: zonePlan,
    shown: 'no zone has any',
  }),
  serverId: setting({
    name: 'server-id',
    value: 'N',
    what: 'replication server id of the tailer, unique among replicas of the source',
    schema: whole(1, 4_294_967_295).optional(),
    shown: 'made from the prefix',
  }),
} as const;
