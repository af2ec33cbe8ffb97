import { orNone, zero } from '../event-rule.ts';
import type { CounterKind } from './counted.ts';

/**
 * Usage types 21 to 24, disk I/O of a VM's volume in requests and bytes: what the aggregated totals
 * of vm_disk_statistics have grown by.
 */
export const diskIo: CounterKind = {
  directions: [
    { usageType: 21, description: 'disk I/O read (io requests)', unit: 'io read' },
    { usageType: 22, description: 'disk I/O write (io requests)', unit: 'io write' },
    { usageType: 23, description: 'disk I/O read (bytes)', unit: 'bytes read' },
    { usageType: 24, description: 'disk I/O write (bytes)', unit: 'bytes write' },
  ],
  read: (row) => {
    if (row.table !== 'vm_disk_statistics') return null;
    const { aggIoRead, aggIoWrite, aggBytesRead, aggBytesWrite } = row;
    const totals = [aggIoRead, aggIoWrite, aggBytesRead, aggBytesWrite].map(BigInt);
    const { zoneId, vmId: ownerId, volumeId: partId } = row;
    return { zoneId, ownerId, partId, label: 'VirtualMachine', totals };
  },
  names: ['vmId', 'volumeId'],
  ownerOf: ({ ownerId, partId }) => {
    const isNamed = orNone(ownerId) !== null && orNone(partId) !== null;
    return {
      suffix: isNamed ? ` for Vm: ${ownerId} and Volume: ${partId}` : '',
      columns: { vmInstanceId: isNamed ? ownerId : null, usageId: partId ?? zero },
    };
  },
};
