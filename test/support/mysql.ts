import { once } from 'node:events';
import { connect } from 'node:net';
import { findMysql } from '../../deploy/dev/mysql-programs.ts';
import { ON_DEMAND } from '../../deploy/dev/on-demand.ts';
import { leftOut } from './left-out.ts';

/**
 * URL of the MySQL that tests share, started when the first asks; undefined, with the reason on stderr,
 * where there can be none: those tests are skipped.
 */
export async function mysqlUrl(): Promise<string | undefined> {
  const given = process.env['USAGESTREAM_MYSQL_URL'];
  if (given) return given;
  const found = await ask(process.env[ON_DEMAND]);
  if ('url' in found) return found.url;
  leftOut('tests on MySQL', found.why);
  return undefined;
}

async function ask(path: string | undefined): Promise<{ url: string } | { why: string }> {
  if (!path) return { why: 'run npm test, which starts one, or set USAGESTREAM_MYSQL_URL' };
  const socket = connect(path);
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => void chunks.push(chunk));
  await once(socket, 'end');
  return JSON.parse(Buffer.concat(chunks).toString()) as { url: string } | { why: string };
}

/** The programs of a MySQL with which a test starts servers of its own; undefined, and said so, where there are none. */
export async function mysqlPrograms(): Promise<string | undefined> {
  // Asking for the shared one brings them.
  await mysqlUrl();
  const programs = findMysql();
  if (programs === undefined)
    leftOut('tests that hurt a MySQL of their own', 'no programs of it on this machine');
  return programs;
}
