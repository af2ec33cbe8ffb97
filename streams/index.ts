import { changeEvents } from './change-events.ts';
import { corrections } from './corrections.ts';
import { deadLetters } from './dead-letters.ts';
import { placement } from './placement.ts';
import { positions } from './positions.ts';
import { usageFeed } from './usage-feed.ts';
import { usageRecords } from './usage-records.ts';
import { usageWindows } from './usage-windows.ts';

export {
  changeEvents,
  corrections,
  deadLetters,
  placement,
  positions,
  usageFeed,
  usageRecords,
  usageWindows,
};

/** Every fixed topic in flow order; raw change-event topics are one a table (see change-events.ts). */
export const catalogue = [
  positions,
  placement,
  usageFeed,
  deadLetters,
  usageRecords,
  corrections,
  usageWindows,
] as const;
