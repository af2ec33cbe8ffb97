/** One line of the result: a piece of work, how much of it, what it took. */
export interface BenchResult {
  readonly bench: string;
  readonly what: string;
  readonly units: number;
  readonly unit: string;
  readonly wallMs: number;
  readonly cpuMs: number;
  readonly peakMb: number;
  /** True for the line that the others of its bench are set against. */
  readonly baseline: boolean;
}

const perSecond = (r: BenchResult) => r.units / (r.wallMs / 1000);

/** The results as a table: rate, CPU-seconds per million, peak memory, ratio to each baseline. */
export function resultTable(results: readonly BenchResult[]): string {
  const head = [
    'bench',
    'what',
    'units',
    'per second',
    'CPU-s per M',
    'peak MB',
    'ratio to baseline',
  ];
  const rows = results.map((r) => [
    r.bench,
    r.what,
    `${r.units} ${r.unit}`,
    Math.round(perSecond(r)).toLocaleString('en-US'),
    (r.cpuMs / 1000 / (r.units / 1e6)).toFixed(1),
    r.peakMb.toFixed(0),
    ratios(r, results),
  ]);
  const widths = head.map((h, i) => Math.max(h.length, ...rows.map((row) => row[i]!.length)));
  const line = (cells: string[]) =>
    cells
      .map((c, i) => c.padEnd(widths[i]!))
      .join('  ')
      .trimEnd();
  return [line(head), line(widths.map((w) => '-'.repeat(w))), ...rows.map(line)].join('\n');
}

function ratios(result: BenchResult, all: readonly BenchResult[]): string {
  if (result.baseline) return 'baseline';
  return all
    .filter((r) => r.baseline && r.bench === result.bench)
    .map((b) => `${((100 * perSecond(result)) / perSecond(b)).toFixed(0)} % of ${b.what}`)
    .join(', ');
}
