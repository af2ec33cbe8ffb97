import type { QuantityUnit } from '../contracts/messages.ts';

const bytes = new Set([4, 5, 23, 24, 29]);
const requests = new Set([21, 22]);

/** The unit of `record.quantity` by usage type: traffic and stored bytes, disk requests, else billed time. */
export const quantityUnit = (usageType: number): QuantityUnit =>
  bytes.has(usageType) ? 'bytes' : requests.has(usageType) ? 'requests' : 'ms';
