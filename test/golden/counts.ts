/** How often each line occurs. */
export type Counts = ReadonlyMap<string, number>;

export function countLines(lines: Iterable<string>): Map<string, number> {
  const counts = new Map<string, number>();
  for (const line of lines) counts.set(line, (counts.get(line) ?? 0) + 1);
  return counts;
}

export const times = (counts: Counts, line: string): number => counts.get(line) ?? 0;

/** Lines that do not occur equally often in both, in text order. */
export function differing(a: Counts, b: Counts): string[] {
  const lines = new Set([...a.keys(), ...b.keys()]);
  return [...lines].filter((line) => times(a, line) !== times(b, line)).toSorted();
}
