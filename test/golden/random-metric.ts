import type { FoldEvent } from '../../src/contracts/fold.ts';
import type { Window } from '../../src/contracts/time.ts';
import { sqlMs } from '../support/sql-script.ts';
import { times } from './counts.ts';
import type { Counts } from './counts.ts';
import { resourceOfEvent } from './resources.ts';

/** Columns of a line of cloud_usage.tsv. */
const at = { offeringId: 9, size: 13, startDate: 15, virtualSize: 17 } as const;

export interface MetricEvidence {
  readonly server: Counts;
  /** Rows of the server if a metric goes to the row of the lowest id. */
  readonly rows: Counts;
  readonly events: readonly FoldEvent[];
  /** Windows of the runs, as usage_job has them. */
  readonly jobs: readonly Window[];
}

/**
 * Tells whether rows of backups differ by nothing but which of several open ones took which metric:
 * as many rows, and sizes that a metric of that VM and offering gave in a run up to theirs.
 */
export class RandomMetrics {
  readonly #evidence: MetricEvidence;
  readonly #ambiguous: ReadonlySet<string>;
  readonly #server: Counts;
  readonly #rows: Counts;

  constructor(evidence: MetricEvidence) {
    this.#evidence = evidence;
    this.#ambiguous = ambiguous(evidence.events);
    this.#server = masked(evidence.server);
    this.#rows = masked(evidence.rows);
  }

  explains(resource: string, lines: readonly string[]): boolean {
    if (!this.#ambiguous.has(resource)) return false;
    const { server, rows } = this.#evidence;
    return lines.every((line) => {
      const form = maskOf(line);
      const isAsMany = times(this.#server, form) === times(this.#rows, form);
      const isSurplus = times(server, line) > times(rows, line);
      return isAsMany && (!isSurplus || this.#isGiven(resource, line));
    });
  }

  #isGiven(resource: string, line: string): boolean {
    const cells = line.split('\t');
    const startMs = sqlMs(cells[at.startDate]) ?? 0;
    const { events, jobs } = this.#evidence;
    const ends = jobs.filter((job) => job.startMs <= startMs && startMs < job.endMs);
    const untilMs = Math.max(...ends.map(({ endMs }) => endMs));
    const sizes = events
      .filter(({ type, createdMs }) => type === 'BACKUP.USAGE.METRIC' && createdMs < untilMs)
      .filter((event) => resourceOfEvent(event) === resource)
      .filter(({ offeringId }) => offeringId === cells[at.offeringId])
      .map(({ size, virtualSize }) => `${size} ${virtualSize ?? 0}`);
    return ['0 0', ...sizes].includes(`${cells[at.size]} ${cells[at.virtualSize]}`);
  }
}

function maskOf(line: string): string {
  const cells = line.split('\t');
  cells[at.size] = cells[at.virtualSize] = '';
  return cells.join('\t');
}

function masked(rows: Counts): Counts {
  const forms = new Map<string, number>();
  for (const [line, count] of rows) {
    if (!line.includes('\tBackup usage VM ID: ')) continue;
    forms.set(maskOf(line), (forms.get(maskOf(line)) ?? 0) + count);
  }
  return forms;
}

/** VMs with a metric at a time when several backups of its offering are open. */
function ambiguous(events: readonly FoldEvent[]): Set<string> {
  const found = new Set<string>();
  const open = new Map<string, number>();
  for (const event of events.toSorted((a, b) => a.createdMs - b.createdMs)) {
    const resource = resourceOfEvent(event);
    const key = `${resource} ${event.offeringId}`;
    if (event.type === 'BACKUP.OFFERING.ASSIGN') open.set(key, (open.get(key) ?? 0) + 1);
    if (event.type === 'BACKUP.OFFERING.BACKUPS.DEL') open.delete(key);
    if (event.type === 'BACKUP.USAGE.METRIC' && (open.get(key) ?? 0) > 1) found.add(resource);
  }
  return found;
}
