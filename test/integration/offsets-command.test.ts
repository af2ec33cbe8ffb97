import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { defineStream } from '../../src/contracts/stream.ts';
import { startStage } from '../../src/cli/demo/stage-process.ts';
import { decodeOffsetFile } from '../../src/tail/connect-offset-file.ts';
import { scratchFolder } from '../support/scratch-folder.ts';
import { servers } from '../support/servers.ts';
import { insertEvent, tailedCloud } from '../support/tailed-cloud.ts';

test(
  'offsets are exported and imported in every form that Connect has, and only when no tailer works',
  { timeout: 120_000 },
  async () => {
    await using cloud = await tailedCloud();
    using folder = scratchFolder();
    const { prefix, cloudSchema, log, sql } = cloud;
    const topic = `${prefix}-connect-offsets`;
    const kept = defineStream({
      ...{ name: topic, topic: () => topic, cleanup: 'compact', retentionMs: 'forever' },
      ...{ partitions: 3, writer: 'operator', readers: ['operator'], key: '', what: '' },
    });
    await log.ensureTopics(prefix, [kept], 1);
    await using _topic = { [Symbol.asyncDispose]: () => log.deleteTopics([topic]) };
    const run = async (...args: string[]) => {
      const found: unknown[] = [];
      const named = ['--prefix', prefix, '--cloud-schema', cloudSchema, '--log-level', 'silent'];
      const log_ = `kafka://${servers().kafkaBrokers.join(',')}`;
      const stage = startStage(
        'offsets',
        ['offsets', ...args, ...named, '--session-timeout', '2s'],
        { USAGESTREAM_LOG: log_ },
        (line) => found.push(line),
      );
      const code = await stage.exited;
      return { code, found: found[0] as Record<string, never>, said: stage.tail() };
    };
    const file = join(folder.path, 'offsets');
    const tail = cloud.start();
    await insertEvent(sql);
    await tail.whenCaughtUp();
    const [busy, missing, nothing] = await Promise.all([
      run('export'),
      run('import', '--connector', 'other', '--from-topic', topic),
      run('import', '--connector', 'c'),
    ]);
    expect(busy).toMatchObject({ code: 1, said: expect.stringContaining('OFFSETS_REFUSED') });
    expect(missing.said).toContain('the connector has no offset');
    expect([missing.code, nothing.code]).toEqual([1, 2]);
    await tail.stop();

    const { found } = await run(
      'export',
      '--connector',
      'c',
      '--to-file',
      file,
      '--to-topic',
      topic,
    );
    const { key, offset } = found as unknown as {
      key: string;
      offset: { file: string; pos: number };
    };
    expect(key).toBe(`["c",{"server":"${prefix}"}]`);
    expect([...decodeOffsetFile(readFileSync(file))]).toEqual([[key, JSON.stringify(offset)]]);
    const dry = join(folder.path, 'dry');
    expect((await run('export', '--to-file', dry, '--dry-run')).code).toBe(0);
    expect(() => readFileSync(dry)).toThrow('ENOENT');

    const rest = join(folder.path, 'rest.json');
    writeFileSync(rest, JSON.stringify({ offsets: [{ partition: { server: prefix }, offset }] }));
    const rawFrom = { file: offset.file, pos: offset.pos, row: -1 };
    for (const source of [
      ['--from-file', rest],
      ['--from-topic', topic],
    ]) {
      const taken = await run('import', '--connector', 'c', ...source, '--dry-run');
      expect(taken).toMatchObject({ code: 0, found: { dryRun: true, after: { rawFrom } } });
    }
  },
);
