import type { Connection, RowDataPacket } from '../platform/mysql.ts';

/** Which server it is; their binlogs and some of their statements differ. */
export interface Flavour {
  readonly name: 'mariadb' | 'mysql';
  /** As the server prints it. */
  readonly version: string;
  readonly major: number;
  readonly minor: number;
  /** MariaDB 10.6 or newer, MySQL 8.0 or newer. */
  readonly isFollowed: boolean;
  /** The statement that tells where the binlog ends. */
  readonly showEnd: string;
}

export function parseFlavour(version: string): Flavour {
  const [major = 0, minor = 0] = version.split('.').map((part) => Number.parseInt(part));
  const name = /mariadb/i.test(version) ? 'mariadb' : 'mysql';
  const atLeast = (a: number, b: number) => major > a || (major === a && minor >= b);
  return {
    name,
    version,
    major,
    minor,
    isFollowed: name === 'mariadb' ? atLeast(10, 6) : atLeast(8, 0),
    // MySQL 8.4 knows the new words alone.
    showEnd: name === 'mysql' && atLeast(8, 2) ? 'SHOW BINARY LOG STATUS' : 'SHOW MASTER STATUS',
  };
}

const known = new WeakMap<Connection, Promise<Flavour>>();

/** Asked once for each connection. @throws what the server said. */
export function flavourOf(connection: Connection): Promise<Flavour> {
  let flavour = known.get(connection);
  if (!flavour) {
    flavour = ask(connection);
    known.set(connection, flavour);
  }
  return flavour;
}

async function ask(connection: Connection): Promise<Flavour> {
  const [rows] = await connection.query<RowDataPacket[]>('SELECT VERSION() version');
  return parseFlavour(String(rows[0]?.['version']));
}
