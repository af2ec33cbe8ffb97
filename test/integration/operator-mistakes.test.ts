import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { auditCommand } from '../../src/cli/commands/audit.ts';
import { cutoverCommand } from '../../src/cli/commands/cutover.ts';
import { diffCommand } from '../../src/cli/commands/diff.ts';
import { explainCommand } from '../../src/cli/commands/explain.ts';
import { generationCommands } from '../../src/cli/commands/generations.ts';
import { rebuildCommand } from '../../src/cli/commands/rebuild.ts';
import { replayCommand } from '../../src/cli/commands/replay.ts';
import { statusCommand } from '../../src/cli/commands/status.ts';
import type { CommandSpec } from '../../src/cli/command.ts';
import type { SettingKey } from '../../src/cli/settings.ts';
import { usagestream } from '../support/command-line.ts';
import { cloudCommand } from '../support/cloud-command.ts';
import type { Command } from '../support/cloud-command.ts';
import { openEmbeddedCloud } from '../support/embedded-cloud.ts';
import type { EmbeddedCloud } from '../support/embedded-cloud.ts';

vi.setConfig({ testTimeout: 30_000, hookTimeout: 60_000 });

let cloud: EmbeddedCloud;
const command =
  <K extends SettingKey>(spec: CommandSpec<K>): Command =>
  (args) =>
    cloudCommand(cloud, spec)(args);
const diff = command(diffCommand);
const rebuild = command(rebuildCommand);
const explain = command(explainCommand);

beforeAll(async () => {
  cloud = await openEmbeddedCloud('basic');
  expect(await rebuild(['hourly', '--range', '60', '--json'])).toMatchObject({ status: 0 });
});
afterAll(() => cloud[Symbol.asyncDispose]());

test.each([
  { run: rebuild, args: ['x', '--max-rate', '0'], code: 'CONFIG_INVALID', says: 'at least 1' },
  { run: rebuild, args: ['x', '--max-rate', 'many'], code: 'CONFIG_INVALID', says: 'not a number' },
  { run: rebuild, args: ['x', '--until', 'soon'], code: 'CONFIG_INVALID', says: 'not a time' },
  { run: rebuild, args: [''], code: 'CONFIG_INVALID', says: 'name: 1 to 64' },
  {
    run: command(cutoverCommand),
    args: ['hourly', '--wait', 'long'],
    code: 'CONFIG_INVALID',
    says: 'not a duration',
  },
  { run: command(cutoverCommand), args: ['hourly'], code: 'CUTOVER_REFUSED', says: 'windows' },
  { run: diff, args: ['main'], code: 'CONFIG_INVALID', says: 'two sides' },
  { run: diff, args: ['main', 'main', '--limit', 'all'], code: 'CONFIG_INVALID', says: '--limit' },
  { run: diff, args: ['main', 'main', '--from', 'may'], code: 'CONFIG_INVALID', says: '--from' },
  { run: diff, args: ['main', 'nobody'], code: 'DIFF_INPUT', says: 'nobody' },
  { run: diff, args: ['live', 'java:nobody'], code: 'DIFF_INPUT', says: 'no table cloud_usage' },
  { run: diff, args: ['main', '/etc/passwd'], code: 'DIFF_INPUT', says: 'missingColumns' },
  { run: diff, args: ['main', 'hourly'], code: 'DIFF_INPUT', says: 'their windows are others' },
  { run: diff, args: ['live', 'hourly'], code: 'DIFF_INPUT', says: 'their windows are others' },
  { run: explain, args: [], code: 'CONFIG_INVALID', says: 'give the id of a row' },
  { run: explain, args: ['abc'], code: 'CONFIG_INVALID', says: 'is no id' },
  { run: explain, args: ['999999'], code: 'CONFIG_INVALID', says: 'no row 999999' },
  {
    run: command(replayCommand),
    args: ['--generation', 'nobody'],
    code: 'GENERATION_MISSING',
    says: 'nobody',
  },
  {
    run: command(auditCommand),
    args: ['--cloud-usage-schema', 'nobody'],
    code: 'CLOUD_USAGE_MISSING',
    says: '',
  },
  {
    run: command(generationCommands.list),
    args: ['--schema', 'nobody'],
    code: 'STORE_SCHEMA_MISSING',
    says: 'nobody',
  },
  {
    run: command(statusCommand),
    args: ['--sink', 'mysql://nobody:pw@127.0.0.1:1'],
    code: 'STORE_UNREACHABLE',
    says: '127.0.0.1',
  },
  {
    run: command(statusCommand),
    args: ['--log', 'embedded:/nobody/log'],
    code: 'LOG_UNREACHABLE',
    says: '/nobody/log',
  },
])('a mistake is told by its code and what is wrong: $args', async ({ run, args, code, says }) => {
  const told = await run(args);
  expect(told.code).toBe(code);
  expect(JSON.stringify(told.facts)).toContain(says);
  expect(JSON.stringify(told)).not.toContain(':pw@');
});

test.each([
  ['audit'],
  [
    ...['takeover', '--range', '1440', '--time-zone', 'GMT', '--close-delay', '15m'],
    ...['--snapshot-virtual-size', 'off', '--preset', 'java-4.23'],
  ],
  ['diff', 'main', 'main'],
])('told to stop, %s stops with an exit code, and no stack', (...args) => {
  const { schema, cloudUsageSchema, cloudSchema, prefix } = cloud.pipeline.names;
  // Its standard input has ended before it begins.
  const told = usagestream(args, {
    ...{ USAGESTREAM_STOP_ON_STDIN_END: '1', USAGESTREAM_LOG: cloud.log },
    ...{ USAGESTREAM_SCHEMA: schema, USAGESTREAM_PREFIX: prefix },
    ...{ USAGESTREAM_CLOUD_USAGE_SCHEMA: cloudUsageSchema },
    ...{ USAGESTREAM_CLOUD_SCHEMA: cloudSchema, USAGESTREAM_LOG_LEVEL: 'silent' },
  });
  expect(told.status).toBe(1);
  expect(told.stderr).not.toMatch(/ {4}at /);
});

test('status of a generation that is not there says so, and goes on', async () => {
  const told = await command(statusCommand)(['--generation', 'nobody']);
  expect(told).toMatchObject({ code: null, status: 0 });
  expect(told.stdout).toContain('generation nobody: there is none of that name yet');
});
