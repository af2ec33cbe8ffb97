import type { PositionRecord } from './position.ts';

export type Cuts = PositionRecord['cuts'];

/** Which incarnation an event id belongs to: the newest one that begins below it, 0 before the first cut. */
export function incarnationOf(cuts: Cuts, eventId: string): number {
  const last = cuts.at(-1);
  if (last === undefined) return 0;
  const id = BigInt(eventId);
  return cuts.findLast(({ aboveId }) => id > BigInt(aboveId))?.incarnation ?? 0;
}

/** The cuts after the source came back with a history that is the same only up to an id. */
export const cutAbove = (cuts: Cuts, aboveId: string, incarnation: number): Cuts => [
  ...cuts.filter((cut) => BigInt(cut.aboveId) < BigInt(aboveId)),
  { incarnation, aboveId },
];
