interface Gtid {
  readonly domain: string;
  readonly server: string;
  readonly sequence: bigint;
}

const parse = (list: string): readonly Gtid[] =>
  list
    .split(',')
    .filter((text) => text.trim() !== '')
    .map((text) => {
      const [domain = '', server = '', sequence = '0'] = text.trim().split('-');
      return { domain, server, sequence: BigInt(sequence) };
    });

/**
 * Whether a MariaDB server's binlog has, or once had, everything up to a position.
 *
 * @param state `@@gtid_binlog_state`: the last transaction of each domain and server.
 */
export function holdsPosition(state: string, position: string): boolean {
  const held = new Map(
    parse(state).map((gtid) => [`${gtid.domain}-${gtid.server}`, gtid.sequence]),
  );
  return parse(position).every(
    ({ domain, server, sequence }) => (held.get(`${domain}-${server}`) ?? -1n) >= sequence,
  );
}

/**
 * Whether transactions after a position are gone from the binlog. A sequence that ran backwards after a
 * fail-over may be taken for one that was purged, never the other way round.
 *
 * @param oldest GTID position at the start of the oldest file.
 */
export function isPurged(oldest: string, position: string): boolean {
  const at = new Map(parse(position).map((gtid) => [gtid.domain, gtid.sequence]));
  return parse(oldest).some(({ domain, sequence }) => (at.get(domain) ?? -1n) < sequence);
}
