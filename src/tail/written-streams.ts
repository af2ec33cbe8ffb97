import { changeEvents, deadLetters, placement, positions, usageFeed } from '../../streams/index.ts';
import type { Stream } from '../contracts/stream.ts';
import { capturedTables } from './captured-tables.ts';
import type { TailSettings } from './tail-options.ts';

/** Every topic that a tailer of these settings writes to. */
export const streamsOf = ({
  raw,
  cloudSchema,
}: Pick<TailSettings, 'raw' | 'cloudSchema'>): Stream[] => [
  positions,
  placement,
  usageFeed,
  deadLetters,
  ...(raw ? capturedTables.map((table) => changeEvents(cloudSchema, table.name)) : []),
];
