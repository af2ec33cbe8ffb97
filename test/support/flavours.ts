import { mysqlUrl } from './mysql.ts';
import { servers } from './servers.ts';

export interface SourceFlavour {
  readonly flavour: 'MariaDB' | 'MySQL';
  readonly url: string;
}

/** The servers on which the tail's promises hold; without MySQL where there is none. */
export async function flavours(): Promise<readonly SourceFlavour[]> {
  const mysql = await mysqlUrl();
  return [
    { flavour: 'MariaDB', url: servers().mariadbUrl },
    ...(mysql === undefined ? [] : [{ flavour: 'MySQL', url: mysql } as const]),
  ];
}
