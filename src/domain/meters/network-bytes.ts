import { orNone } from '../event-rule.ts';
import type { CounterKind } from './counted.ts';

/**
 * Usage types 4 NETWORK_BYTES_SENT and 5 NETWORK_BYTES_RECEIVED: what the aggregated totals of
 * user_statistics have grown by, per device and network.
 */
export const networkBytes: CounterKind = {
  directions: [
    { usageType: 4, description: 'network bytes sent', unit: 'bytes sent' },
    { usageType: 5, description: 'network bytes received', unit: 'bytes received' },
  ],
  read: (row) => {
    if (row.table !== 'user_statistics') return null;
    const totals = [BigInt(row.aggBytesSent), BigInt(row.aggBytesReceived)];
    const { zoneId, deviceId: ownerId, networkId: partId, deviceType: label } = row;
    return { zoneId, ownerId, partId, label, totals };
  },
  names: ['deviceId', 'networkId'],
  ownerOf: ({ ownerId, partId }) => {
    const device = orNone(ownerId);
    return {
      suffix: device === null ? '' : ` for Host: ${device}`,
      columns: { usageId: device, networkId: partId },
    };
  },
};
