import { readdirSync, readFileSync } from 'node:fs';
import type { StageProcess } from '../../src/cli/demo/stage-process.ts';

/** What a process holds now. @throws when it has ended */
export function holds(one: StageProcess) {
  if (one.ended() !== undefined) throw new Error(`${one.name} ended by itself:\n${one.tail()}`);
  const { pid } = one;
  const kb = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return {
    rssMb: Math.round(Number(kb) / 1024),
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
  };
}
