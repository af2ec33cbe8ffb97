import { catalogue, changeEvents } from '../../../streams/index.ts';
import type { Stream } from '../../contracts/stream.ts';
import { capturedTables } from '../../tail/captured-tables.ts';
import { code, codes, page, plain, table } from './markdown.ts';

/** docs/topics.md: every topic in flow order, as its stream describes it. */
export function topicsPage(): string {
  const raw = { ...changeEvents('<db>', '<table>'), topic: (p: string) => `${p}.<db>.<table>` };
  const streams: readonly Stream[] = [raw, ...catalogue];
  const rows = streams.map((s) => [
    code(s.topic('<prefix>')),
    plain(s.key),
    s.cleanup,
    s.retentionMs === 'forever' ? 'for ever' : `${s.retentionMs} ms`,
    s.partitions === 'feed' ? 'as the feed' : String(s.partitions),
    [s.writer].flat().join(', '),
    s.readers.join(', '),
    plain(s.what),
  ]);
  return page('Topics', [
    '`<prefix>` is the setting `--prefix`. "As the feed" is as many partitions as `--partitions` said when the feed was made. The first line stands for one topic a captured table, `<db>` being the schema of CloudStack.',
    `Captured tables: ${codes(capturedTables.map(({ name }) => name))}.`,
    table(['topic', 'key', 'cleanup', 'kept', 'partitions', 'writer', 'readers', 'content'], rows),
  ]);
}
