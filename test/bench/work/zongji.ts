// Reads a stretch of the binlog with zongji and counts rows: what decoding alone costs.
import ZongJi from '@vlasky/zongji';
import { parseMysqlUrl } from '../../../src/platform/mysql.ts';

const [file = '', pos, endFile, endPos, schema = ''] = process.argv.slice(2);
const { host, port, user, password } = parseMysqlUrl(process.env['USAGESTREAM_BENCH_SOURCE'] ?? '');
const zongji = new ZongJi({ host, port, user, password, dateStrings: true });
let rows = 0;
zongji.on('binlog', (event) => {
  if ('rows' in event) rows += event.rows.length;
  const at = event as { nextPosition?: number };
  if (zongji.options.filename === endFile && (at.nextPosition ?? 0) >= Number(endPos)) {
    zongji.stop();
    console.log(rows);
    process.exit(0);
  }
});
zongji.on('error', (error) => {
  throw error;
});
zongji.start({
  filename: file,
  position: Number(pos),
  serverId: 0x6000_0001,
  includeEvents: ['tablemap', 'writerows', 'xid', 'query', 'rotate'],
  includeSchema: { [schema]: true },
});
