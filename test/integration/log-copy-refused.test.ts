import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { logCommands } from '../../src/cli/commands/log.ts';
import { openEmbeddedLog } from '../../src/platform/log/embedded/embedded.ts';
import type { EventLog } from '../../src/platform/log/log.ts';
import { createLogger } from '../../src/platform/logger.ts';
import { deadLetters } from '../../streams/dead-letters.ts';
import { catalogue } from '../../streams/index.ts';
import { cloudCommand } from '../support/cloud-command.ts';
import { openEmbeddedCloud } from '../support/embedded-cloud.ts';
import type { EmbeddedCloud } from '../support/embedded-cloud.ts';

vi.setConfig({ testTimeout: 30_000, hookTimeout: 60_000 });

const logger = createLogger({ level: 'silent' });
let cloud: EmbeddedCloud;
let files = 0;
beforeAll(async () => {
  cloud = await openEmbeddedCloud('basic');
});
afterAll(() => cloud[Symbol.asyncDispose]());

/** Copies into a new file, or one that was made before. */
function copier(file = join(cloud.folder, `copy-${(files += 1)}`)) {
  const copy = (...flags: string[]) =>
    cloudCommand(cloud, logCommands.copy)(['--to', `embedded:${file}`, '--json', ...flags]);
  return { file, copy };
}
/** What the generations' progress says; a refused copy leaves it as it is. */
const progress = () =>
  cloud.sql('SELECT generation, partition_id, next_offset, epoch FROM $us.progress ORDER BY 1, 2');

async function append(log: EventLog, topic: string): Promise<void> {
  await using writer = await log.writer({ transactionalId: 'test' });
  const transaction = await writer.begin();
  await transaction.append([{ topic, partition: 0, key: 'k', value: '{}' }]);
  await transaction.commit();
}

test.each([
  {
    why: 'a target that was made with other partitions',
    prepare: async (log: EventLog) => log.ensureTopics(prefix(), catalogue, 5),
  },
  {
    why: 'a target that holds more than the source',
    prepare: async (log: EventLog) => {
      await log.ensureTopics(prefix(), catalogue, 2);
      await append(log, deadLetters.topic(prefix()));
    },
  },
])('$why is refused, also by the dry run, and nothing changes', async ({ prepare }) => {
  const { file, copy } = copier();
  await using target = await openEmbeddedLog({ file, logger });
  await prepare(target);
  const before = await progress();
  for (const flags of [['--dry-run'], []])
    expect(await copy(...flags)).toMatchObject({ code: 'LOG_TOPIC_MISMATCH' });
  expect(await progress()).toEqual(before);
});

const prefix = () => cloud.pipeline.names.prefix;

test.each([
  { why: 'a prefix that has no feed', flags: ['--prefix', 'nobody'], code: 'LOG_TOPIC_MISMATCH' },
  { why: 'a target that is no address', flags: ['--to', 'nowhere'], code: 'CONFIG_INVALID' },
])('$why is refused, also by the dry run', async ({ flags, code }) => {
  const { copy } = copier();
  for (const more of [['--dry-run'], []])
    expect(await copy(...flags, ...more)).toMatchObject({ code });
});

test('the log itself is no target', async () => {
  expect(await copier().copy('--to', cloud.log)).toMatchObject({ code: 'CONFIG_INVALID' });
});

test('a copy whose offsets would come before those of the last close is refused', async () => {
  const { copy } = copier();
  await cloud.sql('UPDATE $us.progress SET closed_offset = closed_offset + 999999');
  const before = await progress();
  const refused = await copy();
  await cloud.sql('UPDATE $us.progress SET closed_offset = closed_offset - 999999');
  expect(refused).toMatchObject({ code: 'LOG_TOPIC_MISMATCH' });
  expect(refused.facts['reason']).toMatch(/offsets of the copy are lower/);
  expect(await progress()).toEqual(before);
});

test('what is written while it is copied refuses the copy, and the next copy goes on', async () => {
  const { copy } = copier();
  const before = await progress();
  const copying = copy();
  let isOver = false;
  void copying.then(() => (isOver = true));
  // A stage that was not stopped.
  while (!isOver) {
    await append(cloud.pipeline.log, deadLetters.topic(prefix()));
    await setImmediate();
  }
  const refused = await copying;
  expect(refused).toMatchObject({ code: 'LOG_TOPIC_MISMATCH' });
  expect(refused.facts['reason']).toMatch(/stop every stage and copy again/);
  expect(await progress()).toEqual(before);
  expect(await copy()).toMatchObject({ status: 0 });
});

test('a worker that went on after the copy refuses another, also in the dry run', async () => {
  const { copy } = copier();
  expect(await copy()).toMatchObject({ status: 0 });
  await cloud.sql('UPDATE $us.progress SET next_offset = next_offset + 1');
  for (const flags of [['--dry-run'], []]) {
    const refused = await copy(...flags);
    expect(refused).toMatchObject({ code: 'LOG_TOPIC_MISMATCH' });
    expect(refused.facts['reason']).toMatch(/a worker went on after the copy/);
  }
  await cloud.sql('UPDATE $us.progress SET next_offset = next_offset - 1');
  expect(await copy()).toMatchObject({ status: 0 });
});
