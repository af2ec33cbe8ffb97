import type { FoldEvent } from '../../src/contracts/fold.ts';

/** Columns of a line of cloud_usage.tsv by which its resource is known. */
const at = { accountId: 1, usageType: 5, vmInstanceId: 7, usageId: 11, startDate: 15 } as const;

export interface LineFacts {
  readonly accountId: string;
  readonly usageType: number;
  /** What the events of the row's resource have in common; see {@link resourceOfEvent}. */
  readonly resource: string;
  readonly startDate: string;
}

export function factsOfLine(line: string): LineFacts {
  const cells = line.split('\t');
  const cell = (name: keyof typeof at): string => cells[at[name]] ?? '';
  const usageType = Number(cell('usageType'));
  const family = familyOfType[usageType] ?? `type ${usageType}`;
  const id = byVm.has(usageType) ? cell('vmInstanceId') : cell('usageId');
  return {
    accountId: cell('accountId'),
    usageType,
    resource: `${family} ${id}`,
    startDate: cell('startDate'),
  };
}

/** Rows of these types belong to the VM that their events are about; of the others to usage_id. */
const byVm = new Set([1, 2, 10, 13, 25, 27, 28]);

const familyOfType: Readonly<Record<number, string>> = {
  1: 'vm',
  2: 'vm',
  3: 'ip',
  6: 'volume',
  7: 'template',
  8: 'iso',
  9: 'snapshot',
  10: 'security group',
  11: 'load balancer',
  12: 'port forwarding',
  13: 'network offering',
  14: 'vpn user',
  25: 'vm snapshot',
  26: 'volume',
  27: 'on primary',
  28: 'backup',
  30: 'network',
  31: 'vpc',
};

const prefixes: readonly (readonly [string, string])[] = [
  ['VMSNAPSHOT.O', 'on primary'],
  ['VMSNAPSHOT.', 'vm snapshot'],
  ['VM.', 'vm'],
  ['VOLUME.', 'volume'],
  ['NET.IP', 'ip'],
  ['NET.RULE', 'port forwarding'],
  ['TEMPLATE.', 'template'],
  ['ISO.', 'iso'],
  ['SNAPSHOT.', 'snapshot'],
  ['SG.', 'security group'],
  ['LB.', 'load balancer'],
  ['NETWORK.OFFERING.', 'network offering'],
  ['NETWORK.', 'network'],
  ['VPN.USER.', 'vpn user'],
  ['BACKUP.', 'backup'],
  ['VPC.', 'vpc'],
];

/** The resource of an event, as in {@link LineFacts}; accounts do not count. */
export function resourceOfEvent(event: FoldEvent): string {
  const family = prefixes.find(([prefix]) => event.type.startsWith(prefix))?.[1] ?? event.type;
  return `${family} ${event.resourceId ?? 0}`;
}
