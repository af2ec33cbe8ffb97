import { readFileSync } from 'node:fs';
import { createConnection } from 'mysql2/promise';
import type { Connection } from 'mysql2/promise';
import { mysqlOptions, parseMysqlUrl } from '../../src/platform/mysql.ts';
import { randomSuffix, servers } from './servers.ts';

/** A user of the shared server, or another one, with the rights of a grant file and no others; gone when disposed. */
export interface GrantedUser extends AsyncDisposable {
  readonly url: string;
}

/** @param names What the file's placeholders stand for, beside user, host and password. */
export async function grantedUser(
  role: string,
  names: Readonly<Record<string, string>>,
  server = servers().mariadbUrl,
): Promise<GrantedUser> {
  const user = `${role}_${randomSuffix()}`;
  const password = `pw_${randomSuffix()}`;
  await asRoot((root) => root.query(statements(role, { ...names, user, password })), server);
  const url = new URL(server);
  url.username = user;
  url.password = password;
  return {
    url: url.href,
    [Symbol.asyncDispose]: () => asRoot((root) => root.query(`DROP USER '${user}'@'%'`), server),
  };
}

/** Gives a user the rights of another grant file as well. */
export const alsoGranted = (
  { url }: GrantedUser,
  role: string,
  names: Readonly<Record<string, string>>,
): Promise<void> => {
  const { username: user, password } = new URL(url);
  return asRoot((root) => root.query(statements(role, { ...names, user, password })));
};

function statements(role: string, names: Readonly<Record<string, string>>): string {
  const values: Readonly<Record<string, string>> = { ...names, host: '%' };
  return readFileSync(new URL(`../../deploy/grants/${role}.sql`, import.meta.url), 'utf8')
    .replaceAll(/^--.*$/gm, '')
    .replaceAll(/\$\{(\w+)\}/g, (whole, name: string) => values[name] ?? whole);
}

async function asRoot(
  work: (root: Connection) => Promise<unknown>,
  server = servers().mariadbUrl,
): Promise<void> {
  const root = await createConnection({
    ...mysqlOptions(parseMysqlUrl(server)),
    multipleStatements: true,
  });
  try {
    await work(root);
  } finally {
    await root.end();
  }
}
