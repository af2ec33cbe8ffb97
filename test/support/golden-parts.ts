/**
 * Cuts a golden input into what was committed before each instant, and the rest.
 *
 * @param cutsMs Ascending, epoch ms.
 */
export function cutByCommit(inputSql: string, cutsMs: readonly number[]): string[] {
  const parts: string[][] = [[]];
  for (const line of inputSql.split('\n')) {
    const at = /^SET TIMESTAMP=(\d+)/.exec(line)?.[1];
    while (at !== undefined && Number(at) * 1000 >= (cutsMs[parts.length - 1] ?? Infinity))
      parts.push([]);
    parts.at(-1)!.push(line);
  }
  return parts.map((lines) => lines.join('\n'));
}
