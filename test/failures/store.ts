import type { Failure } from './failure.ts';

/** Events, the fold, the tables and the sink. */
export const storeFailures: readonly Failure[] = [
  {
    n: 26,
    fault: 'a record that nobody can use: not JSON, of another version, without a value, unknown',
    holds:
      'a dead letter with its bytes and the reason; the partition goes on; a replay counts once',
    tests: [
      'aggregate-refused.test.ts: $why is refused alone, with its bytes, and the partition goes on',
      'aggregate-refused.test.ts: an event that its rule refuses is a dead letter with its feed record',
      'tail-stream.test.ts: what makes no sense goes to the dead letters, and the tail goes on',
      'dead-letters.test.ts: a refused event is listed, shown, corrected and replayed, and a second replay changes nothing',
    ],
  },
  {
    n: 27,
    fault: 'an event comes a minute, a day, or a window and an invoice too late',
    holds: 'it becomes a correction of what was published, never a silent change, never lost',
    tests: [
      'aggregate-refused.test.ts: an event of a closed window is late and acts at its own time from the next close on',
      'correction.test.ts: rows and corrections add up to a recount of all events, in whatever order they came',
      'golden-late.test.ts: each row once, a correction for what was published wrong',
    ],
  },
  {
    n: 28,
    fault: 'a stop without a start, a lost destruction, a start twice',
    holds: "the result is CloudStack's, and an anomaly is recorded",
    tests: [
      'vm.test.ts: a stop of a VM that does not run is an anomaly and bills nothing',
      'vm.test.ts: a second start ends the first run where it begins',
      'golden-pipeline.test.ts: golden $name through tail, aggregate and sink on $partitions partitions: equal to the row and the column',
    ],
  },
  {
    n: 29,
    fault: 'clocks jump, summer time, leap days, events from the future',
    holds:
      'event time alone counts; days of 23 and 25 hours are whole windows; spans of time are measured by a clock that only goes forward',
    tests: [
      'cloud-windows.test.ts: the day of 23 hours is one window, and the others have 24',
      'cloud-windows.test.ts: the day of 25 hours is one window with one set of rows',
      'cloud-windows.test.ts: a leap day, and weeks without an event, are billed day by day',
      'aggregate-windows.test.ts: an event of the future waits for its window',
      'tail-preflight.test.ts: a clock that is not ours is a warning',
      'clock-set-back.test.ts: watermarks of silent partitions go on when the host clock is set back',
      'clock-set-back.test.ts: a member whose host clock is set back joins anew, as its heartbeats would be missing',
      'clock-set-back.test.ts: a lease from before the clock of its server was set back is free',
    ],
  },
  {
    n: 30,
    fault:
      "the sink's database: deadlock, lock timeout, lost at the commit, read-only, packet too small, promoted without the last commits",
    holds:
      'the whole unit is done again; what an unknown commit did is read from the tables; what a promoted server has lost is read from the feed again',
    tests: [
      'sink-lease.test.ts: a commit whose answer is lost counts',
      'sink-lease.test.ts: a commit that never reaches the server does not count',
      'sink-lease.test.ts: a KILL of the publishing connection between two statements loses and doubles nothing',
      'aggregate-faults.test.ts: a connection lost at any step, with a COMMIT of unknown outcome, changes nothing',
      'sink-helper-tables.test.ts: a kill of the sink at any statement of a publication loses and doubles nothing',
      'chaos-run.test.ts: a pipeline that is hurt at random has every row once in the end',
      'store-faults.test.ts: publishes a window once, whole, over $why ($errno)',
      'store-faults.test.ts: folds the same rows over $why ($errno), at any statement (seed ${seed})',
      'store-server-faults.test.ts: waits while it is read-only (fail-over), says so, and goes on by itself',
      'store-server-faults.test.ts: waits while it is full (%i), and goes on by itself',
      'store-server-faults.test.ts: waits while it has no connection to give, and goes on by itself',
      'aggregate-kafka-faults.test.ts: a store that was promoted without its last commits gets what it lost from the feed',
      'aggregate-went-back.test.ts: a worker whose store went back between its batches passes over nothing (seed ${seed})',
      'aggregate-went-back.test.ts: nothing that a worker holds in memory outlives a store that went back within its batch (seed ${seed})',
      'aggregate-went-back.test.ts: of two owners of one epoch, because the store has lost a claim, the one that it knows writes',
      'aggregate-went-back.test.ts: a generation that has the id of one that the store lost gets nothing of it',
      'rebuild.test.ts: a rebuild whose store went back goes on from where the tables are, and passes over nothing',
      'sink-went-back.test.ts: windows whose publication was lost with the server are published again, with the same rows and records',
      'sink-went-back.test.ts: our tables alone, of before a publication, are refused: no row is published twice',
      'sink-went-back.test.ts: of two sinks with one epoch, because the store has lost a lease, the one that it knows publishes',
      'sink-dead-link.test.ts: a publication that $why over a connection that is dead alone is noticed, and done once',
      'sink-dead-link.test.ts: a publication that takes longer than a lease is waited for',
      'sink-dead-link.test.ts: a stand-by whose connections died without a word takes the lease that is free',
      'sink-dead-link.test.ts: a leader whose connections died without a word leads again',
      'aggregate-dead-link.test.ts: a worker whose connection dies without a word, at any step, folds on over a new one (seed ${seed})',
      'aggregate-dead-link.test.ts: a claim whose %s is never answered is given up, and can be made again',
      'chaos-strand.test.ts: when any link of a stage dies for good without a word, it goes on by itself over new connections',
    ],
    reason:
      'a full disk is raised by the server in a trigger, a packet too large by the test: a table space of fixed size makes MariaDB end itself',
  },
  {
    n: 31,
    fault: 'the whole feed is read again into the live tables',
    holds: 'not a row changes',
    tests: [
      'aggregate-fold.test.ts: a replay from the first offset changes no row',
      'aggregate-corrected-cloud.test.ts: a replay from the first record corrects nothing again',
      'sink-helper-tables.test.ts: changes that a replay writes again change nothing',
    ],
  },
  {
    n: 32,
    fault: 'a generation is rebuilt and switched to under live traffic, killed at each step',
    holds: 'readers see one generation, and the old one can be had again',
    tests: [
      'cutover.test.ts: who polls cloud_usage during cutovers under live traffic sees one generation or the other, whole',
      'cutover.test.ts: a leader cut off $step leaves a cutover to its successor, done once',
      'cutover.test.ts: a cutover applies the difference alone: equal rows keep their ids, and a rollback returns every row as it was',
      'cutover.test.ts: what quota has charged is never touched: its differences become corrections',
      'rebuild.test.ts: a rebuild killed three times with SIGKILL makes the rows of one that was not',
      'chaos-cutover.test.ts: a cutover and a rollback killed at any step are done once, whole, with the rows of undisturbed ones',
      'chaos-crash-points.test.ts: killed at every named point and started again, each stage leaves every row once',
    ],
  },
  {
    n: 33,
    fault: 'two versions run at once, and the schema changes between them',
    holds: 'an old build refuses newer tables and harms nothing',
    tests: [
      'aggregate-migrate.test.ts: a schema of a newer build is left alone',
      'aggregate-group.test.ts: a schema that is missing or newer, and a wrong password, are told at once',
      'aggregate-migrate.test.ts: processes that migrate at once take turns, and all is there once',
      'chaos-crash-points.test.ts: a migration killed before any of its kinds of step goes on and makes the same schema',
      'two-versions.test.ts: a worker of an older build claims nothing once a newer one has migrated',
      'two-versions.test.ts: a state that a newer build wrote stops an older worker, and stays as it is',
      'two-versions.test.ts: a sink of an older build publishes nothing once a newer one has migrated',
    ],
  },
  {
    n: 39,
    fault: 'a process does nothing for 30 s: a collection, a frozen machine',
    holds: 'it keeps its session, or is replaced and finds out',
    tests: [
      'chaos-frozen.test.ts: frozen inside an open transaction, nobody holds up a successor or writes when it wakes',
      'aggregate-group.test.ts: a worker frozen beyond its session is replaced, and finds so when it goes on',
    ],
  },
  {
    n: 40,
    fault: 'what reads is slower than what writes, for an hour; then a backlog of millions',
    holds: 'memory stays flat, and the source is left before it times us out',
    tests: [
      'chaos-links.test.ts: a link $why: every change comes once',
      'tail-faults.test.ts: a transaction larger than memory comes whole and once, rolled back ones not at all',
      'account-book.test.ts: over its budget the book lets go, and still knows when the oldest waiting event is',
      'tail-half-open.test.ts: a connection on which nothing comes any more is noticed by the heartbeats that are missing',
      'tail-slow-log.test.ts: the source ($flavour) $why, and every change comes once',
      'chaos-slow-sink.test.ts: a store that is slow for a while costs time and no row, and memory stays flat',
    ],
    reason:
      'an hour is too long for a test: the time that a source waits is made a second, `npm run test:chaos -- --slow-sink N` slows brokers and stores for N minutes, `-- --soak 20` measures memory and descriptors (figures in docs/high-availability.md), `npm run bench` drains a backlog of a million events',
  },
  {
    n: 41,
    fault: 'a stop is asked for at any time',
    holds: 'what is whole is committed, the exit code is 0 within 10 s, nothing comes twice',
    tests: [
      'aggregate-group.test.ts: a worker told to stop ends with code 0 and loses nothing',
      'sink-lease.test.ts: a stop in the middle of a publication gives everything back',
      'sink-lease.test.ts: a sink that $why stops although the database no longer answers',
      'tail-restart.test.ts: stopped and started again and again while changes come, it writes each once',
      'sink-outbox.test.ts: a log that never answers does not hold up a stop',
      'chaos-sigterm.test.ts: stopped by SIGTERM at work, each stage ends with code 0, and the next start writes nothing again',
      'chaos-run.test.ts: a pipeline that is hurt at random has every row once in the end',
    ],
  },
  {
    n: 42,
    fault: 'ids of 64 bits, every alphabet, zero dates, NULL everywhere',
    holds: 'each value arrives as it was, or as CloudStack would have stored it',
    tests: [
      'tail-stream.test.ts: has values of all sizes and alphabets exactly',
      'aggregate-refused.test.ts: ids of 64 bits, quotes, emoji and NULs are stored to the bit',
      'sink-publish.test.ts: every column arrives: NULLs, the largest ids, hidden rows, and `?` for what utf8mb3 cannot hold',
      'column-types.test.ts: %s is no instant',
    ],
  },
];
