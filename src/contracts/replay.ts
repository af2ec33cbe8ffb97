/**
 * Header of a feed record that was put there again from a dead letter: `partition/offset` of the first
 * one. An event of the same id then takes the place of that one, if the fold refused it.
 */
export const replayHeader = 'usagestream-replay-of';

/** The place that the header names; null without one. */
export function replayOf(
  headers: Readonly<Record<string, string>>,
): { readonly partition: number; readonly offset: number } | null {
  const [, partition, offset] = /^(\d+)\/(\d+)$/.exec(headers[replayHeader] ?? '') ?? [];
  return offset === undefined ? null : { partition: Number(partition), offset: Number(offset) };
}
