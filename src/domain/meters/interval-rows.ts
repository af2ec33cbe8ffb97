import type { UsageRow } from '../../contracts/usage-row.ts';
import type { Ledger } from '../ledger.ts';
import type { RowContext } from '../usage-row-form.ts';
import { backupRows } from './backup.ts';
import { ipRows } from './ip.ts';
import { loadBalancerRows } from './load-balancer.ts';
import { networkOfferingRows } from './network-offering.ts';
import { networkRows } from './network.ts';
import { portForwardingRows } from './port-forwarding.ts';
import { securityGroupRows } from './security-group.ts';
import { snapshotOnPrimaryRows } from './snapshot-on-primary.ts';
import { storageRows } from './storage.ts';
import { vmSnapshotRows } from './vm-snapshot.ts';
import { vmRows } from './vm.ts';
import { volumeRows } from './volume.ts';
import { vpcRows } from './vpc.ts';
import { vpnUserRows } from './vpn-user.ts';

/** The rows of all types that bill intervals, type by type. */
export function intervalRows(ledger: Ledger, ctx: RowContext): UsageRow[] {
  return meters.flatMap((rowsOf) => rowsOf(ledger, ctx));
}

const meters = [
  vmRows,
  ipRows,
  volumeRows,
  storageRows,
  securityGroupRows,
  loadBalancerRows,
  portForwardingRows,
  networkOfferingRows,
  vpnUserRows,
  vmSnapshotRows,
  snapshotOnPrimaryRows,
  backupRows,
  networkRows,
  vpcRows,
];
