import type { Stage } from '../../src/cli/demo/pipeline.ts';
import type { CrashPoint } from '../../src/platform/crash-points.ts';

/** A point that a member of a pipeline under attack passes some time, and how often it surely does. */
type Reachable = readonly [at: CrashPoint, atMost: number];

/**
 * Points at which a member may be made to die in the middle of a run. The others are passed by the first start
 * of a pipeline, by its end or by a transaction larger than memory alone.
 */
export const reachablePoints: Readonly<Record<Stage, readonly Reachable[]>> = {
  tail: [
    ['tail.topics-made', 1],
    ['tail.writer-opened', 1],
    ['tail.leader-noted', 1],
    ['tail.before-position', 4],
    ['tail.after-produce-before-commit', 4],
    ['tail.after-commit', 4],
  ],
  aggregate: [
    ['aggregate.generation-made', 1],
    ['aggregate.partitions-entered', 1],
    ['aggregate.claimed', 1],
    ['aggregate.after-fence', 4],
    ['aggregate.events-written', 4],
    ['aggregate.window-folded', 2],
    ['aggregate.before-commit', 4],
    ['aggregate.after-db-commit-before-offset-commit', 4],
  ],
  sink: [
    ['sink.lease-before-fence', 1],
    ['sink.lease-taken', 1],
    ['sink.job-before-commit', 2],
    ['sink.after-fence', 2],
    ['sink.rows-copied', 2],
    ['sink.helpers-written', 2],
    ['sink.before-publish-commit', 2],
    ['sink.after-commit-before-outbox', 2],
    ['sink.outbox-before-send-commit', 2],
    ['sink.outbox-after-send-before-mark', 2],
    ['sink.outbox-after-mark', 2],
    ['sink.corrections-before-send-commit', 1],
    ['sink.dead-letters-after-send-before-mark', 1],
  ],
};
