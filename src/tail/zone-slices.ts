import { AppError } from '../platform/errors.ts';

/** Which partitions zones have to themselves (docs/zones.md). */
export interface ZonePlan {
  /** Zone id → its partitions, as the operator gave them. */
  readonly fixed: ReadonlyMap<string, readonly number[]>;
  /** How many partitions a zone without a slice of its own gets when it first appears; 0: none. */
  readonly auto: number;
}

export const noZones: ZonePlan = { fixed: new Map(), auto: 0 };

export const hasZones = (plan: ZonePlan): boolean => plan.auto > 0 || plan.fixed.size > 0;

/** Partitions that no zone was given by the operator; all of them when none is left. */
export function sharedPartitions(plan: ZonePlan, feedPartitions: number): readonly number[] {
  const taken = new Set([...plan.fixed.values()].flat());
  const all = Array.from({ length: feedPartitions }, (_, partition) => partition);
  const shared = all.filter((partition) => !taken.has(partition));
  return shared.length > 0 ? shared : all;
}

/**
 * The slice of a zone that has none yet: the next `auto` of the shared partitions, in a ring, so that
 * zones that come later share with the first; without `auto` all that are shared.
 *
 * @param earlier How many zones have got a slice this way.
 */
export function nextSlice(
  plan: ZonePlan,
  feedPartitions: number,
  earlier: number,
): readonly number[] {
  const shared = sharedPartitions(plan, feedPartitions);
  if (plan.auto === 0 || plan.auto >= shared.length) return shared;
  return Array.from(
    { length: plan.auto },
    (_, i) => shared[(earlier * plan.auto + i) % shared.length]!,
  ).sort((a, b) => a - b);
}

/** @throws CONFIG_INVALID naming each zone with a partition that the feed has not. */
export function checkZones({ fixed, auto }: ZonePlan, feedPartitions: number): void {
  const problems = [...fixed]
    .filter(([, slice]) => slice.some((partition) => partition >= feedPartitions))
    .map(
      ([zone, slice]) =>
        `--zone ${zone}: partition ${Math.max(...slice)} is beyond the ${feedPartitions} of the feed (0-${feedPartitions - 1})`,
    );
  if (auto > feedPartitions)
    problems.push(`--zone auto=${auto}: the feed has only ${feedPartitions} partitions`);
  if (problems.length > 0) throw new AppError('CONFIG_INVALID', { problems });
}
