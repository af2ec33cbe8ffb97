/** What a caller may do about a fault: `never` (an operator must act), `backoff` (try again), `restart` (drop memory, rejoin). */
export type Retry = 'never' | 'backoff' | 'restart';

/** Every fault by name. `retry` is policy; `fix` is what the operator reads. The table in docs/errors.md is made from it. */
export const errorCodes = {
  CONFIG_INVALID: { retry: 'never', fix: 'Correct the settings listed; `--help` names each.' },
  SOURCE_UNREACHABLE: {
    retry: 'backoff',
    fix: 'Check host, port and that the database runs; it is tried again.',
  },
  SOURCE_ACCESS_DENIED: {
    retry: 'never',
    fix: 'Correct user or password, or run the statements of deploy/grants for the tail role.',
  },
  SOURCE_NOT_READY: {
    retry: 'never',
    fix: 'Apply the statements that the preflight printed, then start again.',
  },
  SOURCE_SCHEMA_MISMATCH: {
    retry: 'never',
    fix: 'A captured table lacks a column that billing needs; bring the schema to CloudStack 4.20 or newer.',
  },
  TAIL_POSITION_PURGED: {
    retry: 'never',
    fix: 'The binlog before the resume position is gone. Restore its files, or start a new feed with another --prefix (its snapshot reads everything again); then raise the retention.',
  },
  SOURCE_BEHIND: {
    retry: 'backoff',
    fix: 'This replica lacks changes that were already read: let it catch up, or point --source at a server that has them. If they are lost for good, end its replication (RESET REPLICA ALL) and read_only: the tail then heals by id.',
  },
  TAIL_SOURCE_CHANGED: {
    retry: 'restart',
    fix: 'The source changed while it was read; it is looked at anew.',
  },
  TAIL_SOURCE_REPLACED: {
    retry: 'never',
    fix: 'None of the events that were compared is on this server as the feed has it. Point --source at the right server, or start a new feed with another --prefix.',
  },
  TAIL_UNDECODABLE: {
    retry: 'never',
    fix: 'A change cannot be decoded; the position has not moved. Mend the setting that is named, so that it does not come again; then start the tail once with --heal-past FILE:POS of these facts, which finds by id what was committed up to there.',
  },
  TAIL_FENCED: { retry: 'restart', fix: 'A newer tailer leads; this one stands by.' },
  TAIL_OTHER_SOURCE: {
    retry: 'never',
    fix: 'This feed follows another kind of source. Go on with that one, change over with `usagestream offsets import`, or start a new feed with another --prefix.',
  },
  ADOPT_NO_TOPICS: {
    retry: 'backoff',
    fix: 'None of the topics of a Debezium is there: check --debezium-prefix and --debezium-topics, and that its heartbeat.interval.ms is set; it is tried again.',
  },
  ADOPT_UNREADABLE: {
    retry: 'never',
    fix: 'A record of a Debezium topic cannot be read as its envelope; the position has not moved. Facts name topic, partition and offset: take transformations that unwrap records off the connector, or correct what wrote there.',
  },
  ADOPT_GAP: {
    retry: 'never',
    fix: 'A Debezium topic no longer holds the next record (retention, or the topic was made anew). Restore it; or let the connector take a new snapshot into topics of another prefix and adopt those with another --prefix.',
  },
  OFFSETS_REFUSED: {
    retry: 'never',
    fix: 'The change of hands cannot be made here without losing or repeating changes; facts say why and what to do first. See docs/debezium.md.',
  },
  LOG_UNREACHABLE: {
    retry: 'backoff',
    fix: 'Check the broker addresses, TLS and SASL settings, or the file and its folder of an embedded log; it is tried again.',
  },
  LOG_ACCESS_DENIED: {
    retry: 'never',
    fix: 'Correct user and password of --log, or the ACLs of docs/faults.md; while the process runs it is tried again.',
  },
  LOG_TLS_FAILED: {
    retry: 'never',
    fix: 'Give the authority that signed the certificates of the brokers (--log kafka://…?tls=verify&ca=FILE) and addresses that they name.',
  },
  LOG_TOPIC_MISSING: {
    retry: 'never',
    fix: 'A topic that this feed was written to is gone, or was made anew or emptied, and nothing is written in its place in silence. Restore it, or start a new feed with another --prefix (its snapshot reads everything again).',
  },
  LOG_TOPIC_MISMATCH: {
    retry: 'never',
    fix: 'A topic has other partitions or cleanup than the feed was made with; give --partitions as it was, or start a new feed with another --prefix.',
  },
  LOG_OFFSET_MISSING: {
    retry: 'never',
    fix: 'The feed no longer holds the next record (retention or a new topic). Restore it or rebuild from the source.',
  },
  LOG_FENCED: { retry: 'restart', fix: 'A newer writer took over this transactional id.' },
  LOG_RECORD_TOO_LARGE: {
    retry: 'backoff',
    fix: 'Raise max.message.bytes of the topic (or message.max.bytes of the brokers); it is tried again.',
  },
  LOG_WRITE_FAILED: { retry: 'restart', fix: 'A write to Kafka failed; the writer is replaced.' },
  STORE_UNREACHABLE: {
    retry: 'backoff',
    fix: 'Check that the sink database runs and accepts this user; it is tried again.',
  },
  STORE_WENT_BACK: {
    retry: 'restart',
    fix: 'The store has forgotten what it had committed: a fail-over to a server that lagged, or a backup that was restored. What is missing is read from the feed and folded again.',
  },
  STORE_BUSY: {
    retry: 'backoff',
    fix: 'Another transaction held or took the same rows; it is tried again.',
  },
  STORE_ACCESS_DENIED: {
    retry: 'never',
    fix: 'Correct user or password, or run the statements of deploy/grants for the role.',
  },
  STORE_SCHEMA_MISSING: { retry: 'never', fix: 'Run `usagestream migrate` first.' },
  STORE_SCHEMA_NEWER: {
    retry: 'never',
    fix: 'The schema was made by a newer UsageStream; upgrade this process.',
  },
  GENERATION_MISMATCH: {
    retry: 'never',
    fix: 'Range, time zone, close delay, preset, quirks, corrections or feed differ from what this generation was made with; leave out what differs, or make a new one with --generation.',
  },
  GENERATION_MISSING: {
    retry: 'never',
    fix: 'There is no generation of that name; `usagestream generations list` lists them.',
  },
  GENERATION_CHANGED: {
    retry: 'restart',
    fix: 'A cutover or rollback put another generation in its place, or it was made anew (in a store that went back); this process goes on with the one that is there.',
  },
  GENERATION_IN_USE: {
    retry: 'never',
    fix: 'The generation is live, or a savepoint or cutover needs it: drop those first, or choose another.',
  },
  SAVEPOINT_UNKNOWN: {
    retry: 'never',
    fix: 'There is no savepoint of that name; `usagestream savepoint list` shows them.',
  },
  SAVEPOINT_EXISTS: {
    retry: 'never',
    fix: 'There is a savepoint of that name: take another, or `usagestream savepoint drop` it first.',
  },
  SAVEPOINT_NOT_CLOSED: {
    retry: 'never',
    fix: 'The partitions stand at different windows; try again when all have closed the same one.',
  },
  CUTOVER_REFUSED: {
    retry: 'never',
    fix: 'Nothing was changed; see the reason in the facts.',
  },
  DIFF_INPUT: {
    retry: 'never',
    fix: 'A side is a generation, live, java:SCHEMA or a TSV file with the columns of cloud_usage.',
  },
  SINK_FENCED: { retry: 'restart', fix: 'A newer owner has this partition or lease; rejoin.' },
  SINK_NOT_ALONE: {
    retry: 'never',
    fix: 'A Java usage server works on this database: stop it and wait until its heartbeat is 5 minutes old, or start with --mode shadow.',
  },
  REPAIR_NOT_ALONE: {
    retry: 'never',
    fix: 'A usage server, or a sink in mode primary, works on these tables: stop it, wait until its heartbeat in usage_job is 5 minutes old, and repair again.',
  },
  REPAIR_CONFLICT: {
    retry: 'never',
    fix: 'Another changed rows while they were repaired, and nothing was changed. See that no quota run or removal of usage records is under way, and repair again.',
  },
  SINK_WINDOW_BILLED: {
    retry: 'never',
    fix: 'usage_job says that another server has billed time of this window; publishing it would bill twice. Start with --mode shadow.',
  },
  SINK_HANDED_BACK: {
    retry: 'never',
    fix: 'This generation was handed back to a Java usage server: start with --mode shadow, or run `usagestream takeover` and start with the generation that it names.',
  },
  SINK_AMEND_DENIED: {
    retry: 'never',
    fix: 'With --corrections amend the sink changes published rows: run deploy/grants/sink-amend.sql for its user, or start it without.',
  },
  SINK_COPY_MISMATCH: {
    retry: 'never',
    fix: 'The rows copied are not the rows of the window; nothing was committed. Look for triggers on cloud_usage or another writer of record.',
  },
  TAKEOVER_REFUSED: {
    retry: 'never',
    fix: "The Java usage server's work cannot be taken over as it stands; nothing was changed, but for what `--repair` mended. Each problem says what to do; `--despite NAME` passes over those that have a name (docs/migration.md).",
  },
  HANDBACK_REFUSED: {
    retry: 'never',
    fix: 'A Java usage server could not go on from these tables without a missing or a doubled row; what was published stays. Each problem says what to do (docs/migration.md).',
  },
  CLOUD_USAGE_MISSING: {
    retry: 'never',
    fix: 'cloud_usage tables are missing: point --sink at the CloudStack database, or run `usagestream migrate --with-cloud-usage`.',
  },
} as const satisfies Record<string, { retry: Retry; fix: string }>;

export type ErrorCode = keyof typeof errorCodes;

/** Why a record went to the dead-letter topic. */
export const deadLetterReasons = {
  MALFORMED: 'not JSON, or not the shape of its kind',
  WRONG_VERSION: 'a schema version that this build does not read',
  WRONG_PARTITION: 'its account lives on another partition',
  EVENT_ID_CONFLICT: 'an event of the same id with other content is already stored',
  TOO_LARGE:
    'larger than max.message.bytes of its topic; the letter has the first part of each column',
  MISSING_VALUE: 'a column that this event type needs is NULL',
  INVALID_VALUE: 'a value is out of range or not of its form',
  UNKNOWN_ACCOUNT: 'no account row is known for the event',
  UNKNOWN_EVENT: 'a detail belongs to an event that is not known',
  FOLD_BUG:
    'the fold threw, which is a bug: the account waits, incomplete; report it with the facts',
} as const;

export type DeadLetterReason = keyof typeof deadLetterReasons;
