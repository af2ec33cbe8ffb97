import { describe } from 'vitest';
import { mysqlUrl } from '../support/mysql.ts';

const url = await mysqlUrl();
// Of this file's process alone.
if (url !== undefined) process.env['USAGESTREAM_MARIADB_URL'] = url;

// The same promises as on MariaDB, by the same tests.
describe.skipIf(url === undefined)('MySQL as the source', async () => {
  await import('./tail-stream.test.ts');
  await import('./tail-watermark.test.ts');
  await import('./tail-restart.test.ts');
});
