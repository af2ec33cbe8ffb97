import { randomBytes } from 'node:crypto';
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { createConnection } from 'mysql2/promise';
import type { RowDataPacket } from 'mysql2/promise';
import { expect } from 'vitest';
import { findGalera } from '../../deploy/dev/galera.ts';
import { freePort } from '../../deploy/dev/ports.ts';
import { leftOut } from './left-out.ts';
import { startMariaDb } from './servers.ts';
import type { LocalServer } from './servers.ts';

/** Without Galera's library a test of a cluster is skipped, and says so. */
export function canRunGalera(): boolean {
  if (findGalera() !== undefined) return true;
  return leftOut(
    'tests of a Galera cluster',
    'no libgalera_smm.so on this machine: Debian has it in galera-4',
  );
}

/** A cluster of two nodes with binlogs of their own. */
export interface Galera extends AsyncDisposable {
  readonly nodes: readonly [LocalServer, LocalServer];
}

/**
 * @param gtidMode Whether the nodes give the same GTIDs (`wsrep_gtid_mode`); if not, each writes its own.
 * @param settings Of both nodes.
 */
export async function startGalera(
  gtidMode: boolean,
  settings: Readonly<Record<string, string>>,
): Promise<Galera> {
  await using made = new AsyncDisposableStack();
  const password = randomBytes(12).toString('hex');
  const ports = await Promise.all(Array.from({ length: 4 }, () => freePort()));
  const start = async (n: number) => {
    const [port, istPort] = [ports[2 * n]!, ports[2 * n + 1]!];
    const provider = {
      'gmcast.listen_addr': `tcp://127.0.0.1:${port}`,
      'ist.recv_addr': `127.0.0.1:${istPort}`,
      'gcache.size': '16M',
      // One of two that is left goes on.
      'pc.ignore_sb': 'true',
      // A node that was killed is missed after a second.
      'evs.keepalive_period': 'PT0.2S',
      'evs.inactive_check_period': 'PT0.2S',
      'evs.suspect_timeout': 'PT1S',
      'evs.inactive_timeout': 'PT3S',
    };
    const options = Object.entries(provider).map(([key, value]) => `${key}=${value}`);
    return made.use(
      await startMariaDb({
        password,
        settings: {
          ...settings,
          server_id: `${11 + n}`,
          log_bin: `node${n + 1}-bin`,
          log_slave_updates: 'ON',
          innodb_autoinc_lock_mode: '2',
          wsrep_on: n === 0 ? 'ON' : 'OFF',
          wsrep_provider: findGalera()!,
          wsrep_cluster_name: `c${ports[0]}`,
          wsrep_cluster_address: n === 0 ? 'gcomm://' : `gcomm://127.0.0.1:${ports[0]}`,
          wsrep_node_address: `127.0.0.1:${port}`,
          wsrep_provider_options: options.join(';'),
          wsrep_sst_method: 'shared',
          wsrep_gtid_mode: gtidMode ? 'ON' : 'OFF',
          wsrep_gtid_domain_id: '7',
        },
      }),
    );
  };
  const nodes = await Promise.all([start(0), start(1)]);
  const [first, second] = nodes;
  await synced(first);
  // The second has the data of the first, so that nothing but the cache has to be sent when it joins.
  await Promise.all(nodes.map((node) => node.stop()));
  const data = (node: LocalServer) => join(node.dir, 'data');
  rmSync(data(second), { recursive: true });
  cpSync(data(first), data(second), { recursive: true });
  for (const file of ['galera.cache', 'gvwstate.dat'])
    rmSync(join(data(second), file), { force: true });
  const config = join(second.dir, 'my.cnf');
  writeFileSync(config, readFileSync(config, 'utf8').replace('wsrep_on=OFF', 'wsrep_on=ON'));
  // Programs of this name are what the servers ask to bring data to one another.
  writeFileSync(join(first.dir, 'wsrep_sst_shared'), transfer(join(first.dir, 'transfer')), {
    mode: 0o755,
  });
  const { PATH = '' } = process.env;
  process.env['PATH'] = [first.dir, PATH].join(delimiter);
  try {
    await first.restart();
    await second.restart();
  } finally {
    process.env['PATH'] = PATH;
  }
  for (const node of nodes) await synced(node);
  const owned = made.move();
  return { nodes, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** A node answers before it has joined, and then drops who has asked. */
async function synced(node: LocalServer): Promise<void> {
  const ask = async (): Promise<string> => {
    try {
      await using sql = await createConnection(node.url);
      const [rows] = await sql.query<RowDataPacket[]>(
        "SHOW STATUS LIKE 'wsrep_local_state_comment'",
      );
      return String(rows[0]?.['Value']);
    } catch {
      return 'does not answer';
    }
  };
  await expect.poll(ask, { timeout: 30_000 }).toBe('Synced');
}

/**
 * Transfers nothing but the place up to which the second has everything already: the two agree on it through
 * a file, and the rest comes from the cluster's own cache.
 */
const transfer = (file: string): string => `#!/bin/sh
while [ $# -gt 0 ]; do
  case "$1" in
    --role) role="$2" ;;
    --gtid) gtid="$2" ;;
    --gtid-domain-id) domain="$2" ;;
  esac
  shift
done
if [ "$role" = donor ]; then
  echo "$gtid $domain" > '${file}.new'
  mv '${file}.new' '${file}'
  echo "done $gtid"
else
  echo 'ready 127.0.0.1:1/shared'
  for n in $(seq 200); do
    [ -s '${file}' ] && break
    sleep 0.1
  done
  cat '${file}'
fi
`;
