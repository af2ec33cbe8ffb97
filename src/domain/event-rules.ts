import type { EventRule } from './event-rule.ts';
import { backupRules } from './meters/backup.ts';
import { ipRules } from './meters/ip.ts';
import { loadBalancerRules } from './meters/load-balancer.ts';
import { networkOfferingRules } from './meters/network-offering.ts';
import { networkRules } from './meters/network.ts';
import { portForwardingRules } from './meters/port-forwarding.ts';
import { securityGroupRules } from './meters/security-group.ts';
import { snapshotOnPrimaryRules } from './meters/snapshot-on-primary.ts';
import { storageRules } from './meters/storage.ts';
import { vmSnapshotRules } from './meters/vm-snapshot.ts';
import { vmRules } from './meters/vm.ts';
import { volumeRules } from './meters/volume.ts';
import { vpcRules } from './meters/vpc.ts';
import { vpnUserRules } from './meters/vpn-user.ts';

/** What a usage event type means for billing. */
export type EventMeaning = EventRule | 'ignored' | 'unbilled' | 'unknown';

/**
 * The rule of an event type; else why it has none:
 * `ignored`: of a family that bills, but itself without effect; `unbilled`: the management server
 * writes it for something that is never billed; `unknown`: CloudStack 4.23 does not write it.
 */
export function meaningOf(type: string): EventMeaning {
  const rule = rules.get(type);
  if (rule !== undefined) return rule;
  if (unbilledTypes.has(type)) return 'unbilled';
  return ignoredPrefixes.some((prefix) => type.startsWith(prefix)) ? 'ignored' : 'unknown';
}

/** Whether events of a type can change what is billed. */
export const hasRule = (type: string): boolean => rules.has(type);

const rules: ReadonlyMap<string, EventRule> = new Map(
  [
    vmRules,
    ipRules,
    volumeRules,
    storageRules,
    loadBalancerRules,
    portForwardingRules,
    networkOfferingRules,
    vpnUserRules,
    securityGroupRules,
    vmSnapshotRules,
    snapshotOnPrimaryRules,
    backupRules,
    networkRules,
    vpcRules,
  ].flatMap((family) => Object.entries(family)),
);

/** Every type with a rule. */
export const ruledTypes: readonly string[] = [...rules.keys()];

const ignoredPrefixes = ['VM.', 'NET.IP', 'LB.', 'NET.RULE', 'VPN.USER'];

/** Types that the management server writes for what is never billed. */
export const unbilledTypes: ReadonlySet<string> = new Set([
  'PORTABLE.IPASSIGN',
  'PORTABLE.IPRELEASE',
  'NET.IP6ASSIGN',
  'NET.IP6RELEASE',
  'GLOBAL.LB.CREATE',
  'GLOBAL.LB.DELETE',
  'SNAPSHOT.COPY',
  'SNAPSHOT.ON_PRIMARY',
  'SNAPSHOT.OFF_PRIMARY',
  'VMSNAPSHOT.REVERTTO',
  'VOLUME.IMPORT',
  'VOLUME.UNMANAGE',
]);
