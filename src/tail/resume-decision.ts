import { fileNumber } from './binlog-point.ts';
import { GtidPosition } from './gtid-position.ts';
import { holdsPosition, isPurged } from './mariadb-gtid-list.ts';
import { MysqlGtidSet } from './mysql-gtid-set.ts';

/** What our position says about the server that it was written for. */
export interface StoredPlace {
  readonly file: string;
  readonly pos: number;
  /** MariaDB: last transaction of each domain; MySQL: a GTID set; null where there are none. */
  readonly gtid: string | null;
  readonly serverId: number;
  /** MySQL's server_uuid; null on MariaDB. */
  readonly serverUuid: string | null;
  /** File and byte are no end of a transaction: only the GTID counts, on whatever server. */
  readonly withinTransaction?: true | undefined;
}

/** What a server says when it is asked about that place. */
export interface ServerSight {
  readonly flavour: 'mariadb' | 'mysql';
  readonly serverId: number;
  readonly serverUuid: string | null;
  /** Its binlog files, oldest first, with their sizes in bytes. */
  readonly logs: readonly { readonly file: string; readonly size: number }[];
  /** MariaDB: GTID position at our file and byte; null when no transaction ends there. */
  readonly gtidAtPlace: string | null;
  /** MySQL: GTID of the transaction that begins at our file and byte; null when none does yet. */
  readonly nextGtid: string | null;
  /** MariaDB: gtid_binlog_state; MySQL: gtid_executed. */
  readonly executed: string;
  /** MariaDB: GTID position at the start of the oldest file; MySQL: gtid_purged. */
  readonly purged: string;
  /** It applies another server's changes, has not applied all that it has of them, or is read-only: what it lacks may still come. */
  readonly isReplica: boolean;
  /** Which of these, for people. */
  readonly stillGets?: string | null;
  /** Whether the last commit before our place is where it was in the file. */
  readonly lastXid: 'same' | 'differs' | 'unknown';
  /**
   * Whether the highest event that the feed holds is there with the same content. `changed`: it is not, but the
   * binlog after our place changed or deleted it, and had it as we have.
   */
  readonly newestEvent: 'same' | 'changed' | 'differs' | 'missing' | 'unknown';
  /** It was asked for this place already and refused. */
  readonly refused: boolean;
}

/** Why reading cannot go on from the place. docs/source-changes.md says what each means. */
export type SourceChangeReason =
  | 'purged'
  | 'beyond the end'
  | 'another history'
  | 'another server without our GTID'
  | 'transactions lost'
  | 'newest event missing'
  | 'newest event differs'
  | 'refused by the server'
  | 'no place in a binlog'
  | 'told to heal';

export type ResumeDecision =
  | { readonly how: 'position' }
  | { readonly how: 'gtid' }
  /** Try again later: the server is behind what we have read. */
  | { readonly how: 'wait' }
  | { readonly how: 'heal'; readonly why: SourceChangeReason };

/**
 * How to go on from a stored place on a server that may not be the one, or not have the history, that it was
 * written for. File and byte count only where the GTID there is ours; a GTID counts only on another
 * server, because numbers start again on one that was reset; everything else is healed by id.
 * The newest event is looked at as well: GTIDs can agree where contents do not. If its change is in the binlog
 * that is to be read, it is the same history, and the change is read like any other.
 */
export function decideResume(stored: StoredPlace, seen: ServerSight): ResumeDecision {
  const decision = decide(stored, seen);
  const goesOn = decision.how === 'position' || decision.how === 'gtid';
  return goesOn && seen.refused ? heal('refused by the server') : decision;
}

function decide(stored: StoredPlace, seen: ServerSight): ResumeDecision {
  const holds = holdsOurs(stored, seen);
  if (seen.isReplica && (holds === false || seen.newestEvent === 'missing')) return { how: 'wait' };
  if (seen.newestEvent === 'differs') return heal('newest event differs');
  const log = seen.logs.find(({ file }) => file === stored.file);
  const byPlace = stored.withinTransaction !== true;
  const isThere =
    byPlace &&
    log !== undefined &&
    stored.pos <= log.size &&
    seen.lastXid !== 'differs' &&
    sameHistory(stored, seen);
  if (seen.newestEvent === 'missing')
    return heal(holds === false ? 'transactions lost' : 'newest event missing');
  if (isThere) return { how: 'position' };
  if (!byPlace || isOther(stored, seen)) {
    if (stored.gtid === null || stored.gtid === '') return heal('another server without our GTID');
    if (holds !== true)
      return heal(
        knowsOurs(stored, seen) ? 'transactions lost' : 'another server without our GTID',
      );
    return purgedOurs(stored, seen) ? heal('purged') : { how: 'gtid' };
  }
  if (log !== undefined) return heal(stored.pos > log.size ? 'beyond the end' : 'another history');
  const [oldest] = seen.logs;
  const isOlder = oldest !== undefined && fileNumber(stored.file) < fileNumber(oldest.file);
  return heal(isOlder ? 'purged' : 'beyond the end');
}

const heal = (why: SourceChangeReason): ResumeDecision => ({ how: 'heal', why });

const isOther = (stored: StoredPlace, seen: ServerSight): boolean =>
  seen.flavour === 'mysql' && stored.serverUuid !== null
    ? seen.serverUuid !== stored.serverUuid
    : seen.serverId !== stored.serverId;

/** null: it cannot be told. */
function holdsOurs({ gtid }: StoredPlace, seen: ServerSight): boolean | null {
  if (gtid === null || gtid === '') return null;
  if (seen.flavour === 'mariadb') return holdsPosition(seen.executed, gtid);
  return new MysqlGtidSet(seen.executed).contains(new MysqlGtidSet(gtid));
}

/** It has transactions of the servers that ours come from, if not all. */
function knowsOurs({ gtid }: StoredPlace, seen: ServerSight): boolean {
  const sources = (text: string) =>
    text.split(',').map((each) => {
      const at = seen.flavour === 'mariadb' ? each.lastIndexOf('-') : each.indexOf(':');
      return each.trim().slice(0, Math.max(0, at)).toLowerCase();
    });
  const theirs = new Set(sources(seen.executed));
  return sources(gtid ?? '').every((source) => theirs.has(source));
}

function purgedOurs({ gtid }: StoredPlace, seen: ServerSight): boolean {
  if (seen.flavour === 'mariadb') return isPurged(seen.purged, gtid ?? '');
  return !new MysqlGtidSet(gtid ?? '').contains(new MysqlGtidSet(seen.purged));
}

function sameHistory(stored: StoredPlace, seen: ServerSight): boolean {
  if (seen.flavour === 'mariadb')
    return (
      seen.gtidAtPlace !== null &&
      new GtidPosition(seen.gtidAtPlace).toString() === new GtidPosition(stored.gtid).toString()
    );
  if (isOther(stored, seen)) return false;
  if (stored.gtid === null) return true;
  const ours = new MysqlGtidSet(stored.gtid);
  const executed = new MysqlGtidSet(seen.executed);
  if (!executed.contains(ours)) return false;
  // Numbers start again after a reset: what comes next must be new, and nothing new means nothing more.
  if (seen.nextGtid !== null) return !ours.contains(new MysqlGtidSet(seen.nextGtid));
  return seen.logs.at(-1)?.file !== stored.file || ours.contains(executed);
}
