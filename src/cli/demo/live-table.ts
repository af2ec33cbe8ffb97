import { sqlDateTime } from '../../contracts/time.ts';
import type { Look } from './look.ts';

export const typeNames: Readonly<Record<number, string>> = {
  1: 'RUNNING_VM',
  2: 'ALLOCATED_VM',
  3: 'IP_ADDRESS',
  4: 'NETWORK_BYTES_SENT',
  5: 'NETWORK_BYTES_RECEIVED',
  6: 'VOLUME',
  7: 'TEMPLATE',
  8: 'ISO',
  9: 'SNAPSHOT',
  10: 'SECURITY_GROUP',
  11: 'LOAD_BALANCER_POLICY',
  12: 'PORT_FORWARDING_RULE',
  13: 'NETWORK_OFFERING',
  14: 'VPN_USERS',
  21: 'VM_DISK_IO_READ',
  22: 'VM_DISK_IO_WRITE',
  23: 'VM_DISK_BYTES_READ',
  24: 'VM_DISK_BYTES_WRITE',
  25: 'VM_SNAPSHOT',
  26: 'VOLUME_SECONDARY',
  27: 'VM_SNAPSHOT_ON_PRIMARY',
  28: 'BACKUP',
  29: 'BUCKET',
  30: 'NETWORK',
  31: 'VPC',
};

/** Draws the state of the pipeline again and again in the same place; off a terminal, a line now and then. */
export function createLiveTable(out: NodeJS.WriteStream) {
  let drawn = 0;
  let lastPlain = '';
  return {
    draw(look: Look, note: string): void {
      const watermark = look.watermarkMs === null ? '-' : sqlDateTime(look.watermarkMs);
      if (!out.isTTY) {
        const plain = `  events ${look.inserted} inserted, ${look.stored} stored, lag ${look.lagRecords}, windows ${look.windows}`;
        if (plain !== lastPlain) out.write(`${plain}, watermark ${watermark}  ${note}\n`);
        lastPlain = plain;
        return;
      }
      const types = [...look.rowsByType].sort(([a], [b]) => a - b);
      const lines = [
        `  events inserted   ${String(look.inserted).padStart(8)}    simulated time ${watermark}`,
        `  events stored     ${String(look.stored).padStart(8)}    feed lag (records) ${look.lagRecords}`,
        `  windows published ${String(look.windows).padStart(8)}    dead letters ${look.deadLetters}`,
        ...types.map(
          ([type, n]) => `    ${(typeNames[type] ?? '').padEnd(24)}${String(n).padStart(8)} rows`,
        ),
        `  ${note}`,
      ];
      if (drawn > 0) out.write(`\u001b[${drawn}A`);
      out.write(lines.map((line) => `\u001b[K${line}\n`).join(''));
      drawn = lines.length;
    },
    /** Goes on below the table: for a message. */
    release(): void {
      drawn = 0;
    },
  };
}
