import { AppError } from './errors.ts';

/**
 * Every durable step at which a process can be made to die: between this line and the next, something was
 * written that another process may have seen, or nearly was. In the order in which a process passes them.
 */
export const crashPoints = [
  'migrate.before-statement',
  'migrate.before-version',

  'tail.topics-made',
  'tail.writer-opened',
  'tail.leader-noted',
  'tail.snapshot-begun',
  'tail.snapshot-before-chunk-commit',
  'tail.snapshot-after-chunk-commit',
  'tail.snapshot-done',
  'tail.placement-before-commit',
  'tail.part-written',
  'tail.before-position',
  'tail.after-produce-before-commit',
  'tail.after-commit',
  'tail.before-end',

  'aggregate.generation-made',
  'aggregate.partitions-entered',
  'aggregate.claimed',
  'aggregate.after-fence',
  'aggregate.events-written',
  'aggregate.window-folded',
  'aggregate.before-commit',
  'aggregate.after-db-commit-before-offset-commit',

  'sink.lease-before-fence',
  'sink.lease-taken',
  'sink.job-before-commit',
  'sink.after-fence',
  'sink.rows-copied',
  'sink.helpers-written',
  'sink.before-publish-commit',
  'sink.after-commit-before-outbox',
  'sink.outbox-before-send-commit',
  'sink.outbox-after-send-before-mark',
  'sink.outbox-after-mark',
  'sink.corrections-before-send-commit',
  'sink.dead-letters-after-send-before-mark',
  'sink.before-lease-release',

  'cutover.requested',
  'cutover.ids-taken',
  'cutover.rows-applied',
  'cutover.before-commit',
  'cutover.after-commit',

  'repair.undo-begun',
  'repair.tables-changed',
  'repair.undo-written',
  'repair.after-commit',

  'takeover.generation-made',
  'takeover.states-written',
  'takeover.before-commit',
  'takeover.after-commit',

  'handback.published',
  'handback.tables-written',
  'handback.events-copied',
  'handback.before-commit',
  'handback.after-commit',

  'log-copy.topics-made',
  'log-copy.part-copied',
  'log-copy.copied',
  'log-copy.moves-planned',
  'log-copy.before-commit',
  'log-copy.after-commit',
] as const;

export type CrashPoint = (typeof crashPoints)[number];

/** Where this process ends; of the process, because death is. Set once, before any work, by the command line alone. */
let armed:
  { readonly name: CrashPoint; left: number; readonly signal: 'SIGKILL' | 'SIGSTOP' } | undefined;

/**
 * Makes the process kill itself with SIGKILL at a point, or freeze with SIGSTOP: for tests of what that does
 * at the worst instant.
 *
 * @param spec `name`, `name:n` for the n-th time it is passed, `name:n:stop` to freeze; undefined or empty: never.
 * @throws CONFIG_INVALID when there is no such point.
 */
export function armCrashPoint(spec: string | undefined): void {
  armed = undefined;
  if (spec === undefined || spec === '') return;
  const [, text = '', nth = '1', stop] =
    /^([a-z.-]+)(?::([1-9]\d{0,8}))?(:stop)?$/.exec(spec) ?? [];
  const name = crashPoints.find((point) => point === text);
  if (name === undefined)
    throw new AppError('CONFIG_INVALID', {
      problems: [
        `USAGESTREAM_CRASH_AT: ${spec} is no crash point; write name, name:n or name:n:stop`,
      ],
    });
  armed = { name, left: Number(nth), signal: stop === undefined ? 'SIGKILL' : 'SIGSTOP' };
}

/** Passes a point: nothing, unless this process is to end here. */
export function crashPoint(name: CrashPoint): void {
  if (armed === undefined || armed.name !== name) return;
  armed.left -= 1;
  if (armed.left !== 0) return;
  process.kill(process.pid, armed.signal);
}
