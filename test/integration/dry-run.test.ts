import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { CommandSpec } from '../../src/cli/command.ts';
import { cutoverCommand, rollbackCommand } from '../../src/cli/commands/cutover.ts';
import { generationCommands } from '../../src/cli/commands/generations.ts';
import { handbackCommand } from '../../src/cli/commands/handback.ts';
import { rebuildCommand } from '../../src/cli/commands/rebuild.ts';
import { repairCommand } from '../../src/cli/commands/repair.ts';
import { savepointCommands } from '../../src/cli/commands/savepoint.ts';
import { takeoverCommand } from '../../src/cli/commands/takeover.ts';
import { topicCommands } from '../../src/cli/commands/topics.ts';
import type { SettingKey } from '../../src/cli/settings.ts';
import { cloudCommand } from '../support/cloud-command.ts';
import type { Command } from '../support/cloud-command.ts';
import { enterYoung, expectRefused, javaLives } from '../support/dry-run.ts';
import type { Refusal } from '../support/dry-run.ts';
import { openEmbeddedCloud, otherPrefix } from '../support/embedded-cloud.ts';
import type { EmbeddedCloud } from '../support/embedded-cloud.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let cloud: EmbeddedCloud;
let undo = '';

/** The cloud is there when a test runs. */
const command =
  <K extends SettingKey>(spec: CommandSpec<K>): Command =>
  (args) =>
    cloudCommand(cloud, spec)(args);

const drop = command(generationCommands.drop);
const savepoint = command(savepointCommands.create);
const dropSavepoint = command(savepointCommands.drop);
const rebuild = command(rebuildCommand);
const cutover = command(cutoverCommand);
const rollback = command(rollbackCommand);
const create = command(topicCommands.create);
const takeover = command(takeoverCommand);
const handback = command(handbackCommand);

/** `main` is live and published; `other` and `hourly` are closed as far; `young` has closed nothing. */
beforeAll(async () => {
  cloud = await openEmbeddedCloud('basic');
  undo = join(cloud.folder, 'undo.sql');
  writeFileSync(join(cloud.folder, 'there.sql'), '');
  expect(await rebuild(['other', '--preset', 'correct', '--json'])).toMatchObject({ status: 0 });
  expect(await rebuild(['hourly', '--range', '60', '--json'])).toMatchObject({ status: 0 });
  await enterYoung(cloud);
  expect(await savepoint(['june', '--generation', 'other'])).toMatchObject({ status: 0 });
});
afterAll(() => cloud[Symbol.asyncDispose]());

const nobody: readonly Refusal[] = [
  { why: 'generations drop: the live one', run: drop, args: ['main'], code: 'GENERATION_IN_USE' },
  {
    why: 'generations drop: with a savepoint',
    run: drop,
    args: ['other'],
    code: 'GENERATION_IN_USE',
  },
  { why: 'generations drop: unknown', run: drop, args: ['nope'], code: 'GENERATION_MISSING' },
  {
    why: 'savepoint create: a name that is taken',
    run: savepoint,
    args: ['june', '--generation', 'main'],
    code: 'SAVEPOINT_EXISTS',
  },
  {
    why: 'savepoint create: nothing is closed',
    run: savepoint,
    args: ['may', '--generation', 'young'],
    code: 'SAVEPOINT_NOT_CLOSED',
  },
  { why: 'savepoint create: no name', run: savepoint, args: ['a b'], code: 'CONFIG_INVALID' },
  { why: 'savepoint drop: unknown', run: dropSavepoint, args: ['nope'], code: 'SAVEPOINT_UNKNOWN' },
  { why: 'cutover: it is live', run: cutover, args: ['main'], code: 'CUTOVER_REFUSED' },
  { why: 'cutover: unknown', run: cutover, args: ['nope'], code: 'GENERATION_MISSING' },
  {
    why: 'cutover: no sink leads',
    run: cutover,
    args: ['other', '--wait', '300ms'],
    code: 'CUTOVER_REFUSED',
  },
  {
    why: 'cutover: it is behind, and the feed is gone',
    run: cutover,
    args: ['young', '--wait', '300ms'],
    code: 'LOG_OFFSET_MISSING',
    harm: "UPDATE $us.progress SET next_offset = 999999 WHERE generation = (SELECT id FROM $us.generation WHERE name = 'young')",
    mend: "UPDATE $us.progress SET next_offset = 0, epoch = 0, owner = NULL WHERE generation = (SELECT id FROM $us.generation WHERE name = 'young')",
  },
  {
    why: 'cutover: it is behind, and the feed has no more',
    run: cutover,
    args: ['young', '--wait', '300ms'],
    code: 'CUTOVER_REFUSED',
    harm: "UPDATE $us.progress p JOIN $us.progress m ON m.generation = 1 AND m.partition_id = p.partition_id SET p.next_offset = m.next_offset WHERE p.generation = (SELECT id FROM $us.generation WHERE name = 'young')",
    mend: "UPDATE $us.progress SET next_offset = 0, epoch = 0, owner = NULL WHERE generation = (SELECT id FROM $us.generation WHERE name = 'young')",
  },
  { why: 'rollback: there was no cutover', run: rollback, args: [], code: 'CUTOVER_REFUSED' },
  {
    why: 'rebuild: unknown savepoint',
    run: rebuild,
    args: ['new', '--from-savepoint', 'nope'],
    code: 'SAVEPOINT_UNKNOWN',
  },
  {
    why: 'rebuild: a savepoint of other windows',
    run: rebuild,
    args: ['new', '--from-savepoint', 'june', '--range', '60'],
    code: 'GENERATION_MISMATCH',
  },
  {
    why: 'rebuild: other rules than it was made with',
    run: rebuild,
    args: ['other', '--preset', 'java-4.23'],
    code: 'GENERATION_MISMATCH',
  },
  { why: 'rebuild: no name', run: rebuild, args: ['a b'], code: 'CONFIG_INVALID' },
  {
    why: 'rebuild: the feed is gone',
    run: rebuild,
    args: ['other'],
    code: 'LOG_OFFSET_MISSING',
    harm: "UPDATE $us.progress SET next_offset = next_offset + 999999 WHERE generation = (SELECT id FROM $us.generation WHERE name = 'other')",
    mend: "UPDATE $us.progress SET next_offset = next_offset - 999999 WHERE generation = (SELECT id FROM $us.generation WHERE name = 'other')",
  },
  {
    why: 'topics create: other partitions',
    run: create,
    args: ['--partitions', '5'],
    code: 'LOG_TOPIC_MISMATCH',
  },
  {
    why: 'repair: a usage server lives',
    run: command(repairCommand),
    dry: [],
    real: ['--apply'],
    args: () => ['--undo', undo],
    code: 'REPAIR_NOT_ALONE',
    ...javaLives,
  },
  {
    why: 'repair: the undo file is there',
    run: command(repairCommand),
    dry: [],
    real: ['--apply'],
    args: () => ['--undo', join(cloud.folder, 'there.sql')],
    code: 'CONFIG_INVALID',
    // Our own sink's sign of life.
    harm: "UPDATE $cu.usage_job SET heartbeat = '2026-01-01'",
  },
  {
    why: 'takeover: a usage server lives',
    run: takeover,
    args: ['--range', '1440'],
    code: 'SINK_NOT_ALONE',
    ...javaLives,
  },
  {
    why: 'takeover: the feed is empty',
    run: takeover,
    args: () => ['--prefix', otherPrefix(cloud.pipeline.names.prefix)],
    code: 'TAKEOVER_REFUSED',
  },
  {
    why: 'takeover: within a window',
    run: takeover,
    args: ['--range', '1440', '--time-zone', 'GMT+05:30'],
    code: 'TAKEOVER_REFUSED',
  },
  {
    why: 'takeover: stuck events',
    run: takeover,
    args: ['--range', '1440'],
    code: 'TAKEOVER_REFUSED',
    harm: 'UPDATE $cu.usage_event SET processed = 0 WHERE id = 1',
    mend: 'UPDATE $cu.usage_event SET processed = 1 WHERE id = 1',
  },
  {
    why: 'takeover: into a generation that a worker has begun',
    run: takeover,
    args: ['--into', 'other', '--preset', 'correct'],
    code: 'TAKEOVER_REFUSED',
  },
  {
    why: 'takeover: into a generation of other rules',
    run: takeover,
    args: ['--into', 'hourly', '--range', '1440'],
    code: 'GENERATION_MISMATCH',
  },
  {
    why: 'handback: nothing is published',
    run: handback,
    args: ['--generation', 'young'],
    code: 'HANDBACK_REFUSED',
  },
  {
    why: 'handback: unknown',
    run: handback,
    args: ['--generation', 'nope'],
    code: 'HANDBACK_REFUSED',
  },
  {
    why: 'handback: a usage server lives',
    run: handback,
    args: [],
    code: 'SINK_NOT_ALONE',
    ...javaLives,
  },
  {
    why: 'handback: helper tables differ',
    run: handback,
    args: [],
    code: 'HANDBACK_REFUSED',
    harm: 'UPDATE $cu.usage_volume SET size = size + 1',
    mend: 'UPDATE $cu.usage_volume SET size = size - 1',
  },
];

const led: readonly Refusal[] = [
  {
    why: 'cutover: other windows',
    run: cutover,
    args: ['hourly'],
    code: 'CUTOVER_REFUSED',
  },
  {
    why: 'cutover: accounts wait for a repair',
    run: cutover,
    args: ['other'],
    code: 'CUTOVER_REFUSED',
    harm: "UPDATE $us.account_state SET incomplete_from_ms = 1 WHERE generation = (SELECT id FROM $us.generation WHERE name = 'other')",
    mend: "UPDATE $us.account_state SET incomplete_from_ms = NULL WHERE generation = (SELECT id FROM $us.generation WHERE name = 'other')",
  },
  { why: 'takeover: our sink leads', run: takeover, args: [], code: 'TAKEOVER_REFUSED' },
  { why: 'handback: our sink leads', run: handback, args: [], code: 'HANDBACK_REFUSED' },
];

describe('a dry run changes nothing and is refused as the command itself:', () => {
  test.each(nobody)('$why', (one) => expectRefused(cloud, one));

  describe('while a sink leads,', () => {
    let sink: AsyncDisposable;
    beforeAll(async () => {
      sink = await cloud.stages.lead(cloud.pipeline.names, 'main');
    });
    afterAll(() => sink[Symbol.asyncDispose]());
    // Its own signs of life, and requests that were made and answered.
    const alive = ['lease', 'usage_job', 'cutover'];
    test.each(led)('$why', (one) => expectRefused(cloud, one, alive));

    test('a dry cutover of what may be cut over counts rows and changes nothing', async () => {
      const before = await cloud.checksum(alive);
      const dry = await cutover(['other', '--dry-run', '--json']);
      expect(dry).toMatchObject({ code: null, status: 0 });
      expect(JSON.parse(dry.stdout)).toMatchObject({ dryRun: true, from: 'main', isBehind: false });
      expect(await cloud.checksum(alive)).toBe(before);
    });
  });
});

test.each([
  { run: drop, args: ['hourly'] },
  { run: savepoint, args: ['may', '--generation', 'main'] },
  { run: dropSavepoint, args: ['june'] },
  { run: rebuild, args: ['new', '--from-savepoint', 'june'] },
  { run: rebuild, args: ['new', '--preset', 'correct'] },
  { run: create, args: ['--prefix', 'other'] },
  { run: takeover, args: ['--range', '1440', '--preset', 'java-4.23'] },
  { run: handback, args: [] },
])('a dry run of what would be done changes nothing: $args', async ({ run, args }) => {
  const before = await cloud.checksum();
  const given = args.map((arg) =>
    arg === 'other' ? otherPrefix(cloud.pipeline.names.prefix) : arg,
  );
  expect(await run([...given, '--dry-run'])).toMatchObject({ code: null, status: 0 });
  expect(await cloud.checksum()).toBe(before);
});
