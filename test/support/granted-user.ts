import { readFileSync } from 'node:fs';
import { createConnection } from 'mysql2/promise';
import { mysqlOptions, parseMysqlUrl } from '../../src/platform/mysql.ts';
import { randomSuffix, servers } from './servers.ts';

/** A user of the shared server with the rights of a grant file and no others; gone when disposed. */
export interface GrantedUser extends AsyncDisposable {
  readonly url: string;
}

/** @param names What the file's placeholders stand for, beside user, host and password. */
export async function grantedUser(
  role: string,
  names: Readonly<Record<string, string>>,
): Promise<GrantedUser> {
  const { mariadbUrl } = servers();
  const root = await createConnection({
    ...mysqlOptions(parseMysqlUrl(mariadbUrl)),
    multipleStatements: true,
  });
  const user = `${role}_${randomSuffix()}`;
  const password = `pw_${randomSuffix()}`;
  const values: Readonly<Record<string, string>> = { ...names, user, password, host: '%' };
  const text = readFileSync(new URL(`../../deploy/grants/${role}.sql`, import.meta.url), 'utf8');
  await root.query(
    text
      .replaceAll(/^--.*$/gm, '')
      .replaceAll(/\$\{(\w+)\}/g, (whole, name: string) => values[name] ?? whole),
  );
  const url = new URL(mariadbUrl);
  url.username = user;
  url.password = password;
  return {
    url: url.href,
    async [Symbol.asyncDispose]() {
      await root.query(`DROP USER '${user}'@'%'`);
      await root.end();
    },
  };
}
