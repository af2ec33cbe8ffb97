import { defineStream } from '../../src/contracts/stream.ts';
import type { Stream } from '../../src/contracts/stream.ts';

/** A stream of one partition that is nobody's but a test's; its topic is `<prefix>.<name>`. */
export const testStream = (
  name: string,
  more: Partial<Pick<Stream, 'partitions' | 'cleanup'>> = {},
): Stream =>
  defineStream({
    name,
    partitions: 1,
    cleanup: 'delete',
    retentionMs: 'forever',
    writer: 'tail',
    readers: [],
    topic: (prefix) => `${prefix}.${name}`,
    key: 'none',
    what: 'a test',
    ...more,
  });
