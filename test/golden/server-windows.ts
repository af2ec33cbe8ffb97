import type { EpochMs, Window } from '../../src/contracts/time.ts';
import { nextWindow, windowOf } from '../../src/domain/window.ts';
import type { WindowSpec } from '../../src/domain/window.ts';
import type { Golden } from '../support/golden.ts';
import type { JavaRun } from './java-schedule.ts';
import { windowsOfRun } from './window-zone.ts';

/** The windows of a golden folder: a day of its time zone may have 23 or 25 hours. */
export class ServerWindows {
  readonly spec: WindowSpec;
  /** From the first to the last. */
  readonly all: readonly Window[];

  /** @throws Error when `from` and `to` of the folder are no starts of windows. */
  constructor(golden: Pick<Golden, 'fromMs' | 'toMs' | 'rangeMs' | 'timeZone'>) {
    this.spec = windowsOfRun(golden);
    const all: Window[] = [];
    let next = this.around(golden.fromMs);
    for (; next.startMs < golden.toMs; next = this.after(next)) all.push(next);
    this.all = all;
  }

  around(ms: EpochMs): Window {
    return windowOf(ms, this.spec);
  }

  after(window: Window): Window {
    return nextWindow(window, this.spec);
  }

  /** A run for each window, on time. */
  runs(delayMs: number): JavaRun[] {
    return this.all.map((window) => ({ ...window, runMs: window.endMs + delayMs }));
  }
}
