import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { cutoverCommand, rollbackCommand } from '../../src/cli/commands/cutover.ts';
import { deadLetterCommands } from '../../src/cli/commands/dead-letters.ts';
import { diffCommand } from '../../src/cli/commands/diff.ts';
import { explainCommand } from '../../src/cli/commands/explain.ts';
import { generationCommands } from '../../src/cli/commands/generations.ts';
import { rebuildCommand } from '../../src/cli/commands/rebuild.ts';
import { replayCommand } from '../../src/cli/commands/replay.ts';
import { savepointCommands } from '../../src/cli/commands/savepoint.ts';
import { statusCommand } from '../../src/cli/commands/status.ts';
import type { CommandSpec } from '../../src/cli/command.ts';
import type { SettingKey } from '../../src/cli/settings.ts';
import { cloudCommand } from '../support/cloud-command.ts';
import type { Command } from '../support/cloud-command.ts';
import { openEmbeddedCloud } from '../support/embedded-cloud.ts';
import type { EmbeddedCloud } from '../support/embedded-cloud.ts';
import { alsoGranted, grantedUser } from '../support/granted-user.ts';
import type { GrantedUser } from '../support/granted-user.ts';
import { here } from '../support/here.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const users = new Map<string, GrantedUser>();
let cloud: EmbeddedCloud;

/** Users that have the rights of one grant file each, and no others; the sink has those of a cutover too. */
beforeAll(async () => {
  cloud = await openEmbeddedCloud('basic');
  const { schema, cloudUsageSchema: cloud_usage } = cloud.pipeline.names;
  for (const role of ['rebuild', 'api', 'operator', 'sink'])
    users.set(role, await grantedUser(role, { schema, cloud_usage }));
  await alsoGranted(userOf('sink'), 'cutover', { schema, cloud_usage });
});
afterAll(async () => {
  await cloud[Symbol.asyncDispose]();
  for (const user of users.values()) await user[Symbol.asyncDispose]();
});

function userOf(role: string): GrantedUser {
  const user = users.get(role);
  if (!user) throw new Error(`no user ${role}`);
  return user;
}

const as =
  (role: string) =>
  <K extends SettingKey>(spec: CommandSpec<K>): Command =>
    cloudCommand(cloud, spec, userOf(role).url);

const done = { code: null, status: 0 };
const differs = { code: null, status: 1 };

test('with deploy/grants/rebuild.sql alone an operator rebuilds, compares, keeps, puts live, takes back and drops', async () => {
  const operator = as('rebuild');
  const { names } = cloud.pipeline;
  const rebuild = operator(rebuildCommand);
  const diff = operator(diffCommand);
  expect(await rebuild(['other', '--preset', 'correct', '--dry-run'])).toMatchObject(done);
  expect(await rebuild(['other', '--preset', 'correct', '--json'])).toMatchObject(done);
  expect(await operator(replayCommand)(['--generation', 'main', '--json'])).toMatchObject(done);
  expect(await diff(['main', 'other', '--json'])).toMatchObject(differs);
  expect(await diff(['live', 'main', '--json'])).toMatchObject(done);
  expect(await diff([`java:${names.cloudUsageSchema}`, 'other', '--json'])).toMatchObject(differs);
  const savepoint = operator(savepointCommands.create);
  expect(await savepoint(['end', '--generation', 'other'])).toMatchObject(done);
  expect(await operator(savepointCommands.list)([])).toMatchObject(done);
  expect(await rebuild(['again', '--from-savepoint', 'end', '--json'])).toMatchObject(done);
  expect(await operator(savepointCommands.drop)(['end'])).toMatchObject(done);
  const store = { USAGESTREAM_SINK: userOf('sink').url, USAGESTREAM_LOG: cloud.log };
  await using _sink = await here(cloud.pipeline, store).lead(names, 'main');
  for (const flags of [['--dry-run'], []])
    expect(await operator(cutoverCommand)(['other', ...flags])).toMatchObject(done);
  expect(await operator(rollbackCommand)(['--dry-run'])).toMatchObject(done);
  expect(await operator(rollbackCommand)([])).toMatchObject(done);
  expect(await operator(cutoverCommand)(['other'])).toMatchObject(done);
  for (const flags of [['--dry-run'], []])
    expect(await operator(generationCommands.drop)(['again', ...flags])).toMatchObject(done);
  expect(await operator(generationCommands.list)([])).toMatchObject(done);
  expect(await operator(statusCommand)([])).toMatchObject(done);
});

test('status, explain, dead-letters and replay speak of what a cutover put in the place of the generation that is named', async () => {
  await cloud.sql(
    `INSERT INTO $us.dead_letter (generation, partition_id, feed_offset, reason, facts)
     SELECT id, 0, 7, IF(name = 'main', 'EVENT_ID_CONFLICT', 'MISSING_VALUE'), '{}'
     FROM $us.generation WHERE name IN ('main', 'other')`,
  );
  const [row] = await cloud.sql('SELECT MAX(id) AS id FROM $cu.cloud_usage');
  const json = ['--generation', 'main', '--json'];
  const status = await as('api')(statusCommand)(json);
  expect(status).toMatchObject(done);
  expect(JSON.parse(status.stdout)).toMatchObject({
    generation: { name: 'other', state: 'live' },
    deadLetters: { MISSING_VALUE: 1 },
  });
  const explained = await as('api')(explainCommand)([String(row?.['id']), ...json]);
  expect(explained).toMatchObject(done);
  const letters = await as('operator')(deadLetterCommands.list)(json);
  expect(letters).toMatchObject(done);
  expect(JSON.parse(letters.stdout)).toMatchObject({ reason: 'MISSING_VALUE' });
  expect(await as('operator')(statusCommand)(json)).toMatchObject(done);
  const replayed = await as('rebuild')(replayCommand)(json);
  expect(replayed.stdout).toContain('"generation":"other"');
});

test.each(['api', 'operator'])('deploy/grants/%s.sql lets nobody rebuild', async (role) => {
  const rebuilt = as(role)(rebuildCommand)(['new', '--json']);
  await expect(rebuilt.then(({ code }) => code)).resolves.toBe('STORE_ACCESS_DENIED');
});
