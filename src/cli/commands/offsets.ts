import { readFileSync, writeFileSync } from 'node:fs';
import { Option } from 'commander';
import { systemClock } from '../../platform/clock.ts';
import { AppError } from '../../platform/errors.ts';
import type { EventLog } from '../../platform/log/log.ts';
import {
  decodeOffsetFile,
  encodeOffsetFile,
  isOffsetFile,
} from '../../tail/connect-offset-file.ts';
import {
  offsetKey,
  parseOffsetRecord,
  parseRestForm,
  restForm,
} from '../../tail/connect-offset.ts';
import type { ConnectOffset } from '../../tail/connect-offset.ts';
import { exportOffset, importOffset } from '../../tail/hand-over.ts';
import type { RawFrom } from '../../tail/position.ts';
import { readOffsetTopic, writeOffsetTopic } from '../../tail/offset-topic.ts';
import { defineCommand } from '../command.ts';
import type { CommandContext } from '../command.ts';
import { openLog } from '../open-log.ts';
import type { SettingKey, SettingValues } from '../settings.ts';

const takes = [
  ...(['log', 'logPassword', 'prefix', 'cloudSchema', 'sessionTimeout'] as const),
] satisfies SettingKey[];
type Values = Pick<SettingValues, (typeof takes)[number]>;

async function withLog<T>(
  values: Values,
  { signal, logger }: CommandContext,
  work: (log: EventLog) => Promise<T>,
): Promise<T> {
  await using log = await openLog(values, { clientId: 'usagestream-offsets', logger, signal });
  return await work(log);
}

const common = '--log kafka://k1:9092 --prefix acs';
const connector = new Option(
  '--connector <name>',
  'name of the connector in Kafka Connect',
).default('debezium');
const dryRun = new Option('--dry-run', 'only say what would be written');

const exporting = defineCommand({
  name: 'export',
  what: 'our position as the source offset of a Debezium, which then goes on with our raw topics',
  example:
    `usagestream offsets export ${common} > offsets.json      # for PATCH /connectors/<name>/offsets\n` +
    `usagestream offsets export ${common} --connector inventory --to-topic connect-offsets\n` +
    `usagestream offsets export ${common} --connector inventory --to-file /var/lib/connect/offsets --dry-run`,
  takes,
  options: [
    connector,
    new Option('--to-file <file>', "write the file of Kafka Connect's standalone mode"),
    new Option('--to-topic <topic>', "write into the offsets topic of Connect's distributed mode"),
    dryRun,
  ],
  run: (values, own, context) =>
    withLog(values, context, async (log) => {
      const { logger, signal } = context;
      const io = { log, logger, signal, clock: systemClock };
      const offset = await exportOffset({ ...values, sessionTimeoutMs: values.sessionTimeout }, io);
      const found = { connector: String(own['connector']), server: values.prefix, offset };
      const key = offsetKey(found);
      const [file, topic] = [own['toFile'], own['toTopic']];
      if (own['dryRun'] !== true) {
        if (typeof file === 'string') writeFileSync(file, encodeOffsetFile(withEntry(file, found)));
        if (typeof topic === 'string') await writeOffsetTopic(log, topic, values.prefix, found);
      }
      if (context.json) console.log(JSON.stringify({ key, offset }));
      else if (file === undefined && topic === undefined) console.log(restForm(found));
      else {
        const said = own['dryRun'] === true ? 'would write' : 'wrote';
        console.log(`${said} ${key} ${JSON.stringify(offset)} to ${String(file ?? topic)}`);
      }
      return 0;
    }),
});

const importing = defineCommand({
  name: 'import',
  what: 'take over where a Debezium was stopped, from its source offset',
  example:
    `curl -s http://connect:8083/connectors/inventory/offsets > offsets.json\n` +
    `usagestream offsets import ${common} --from-file offsets.json --dry-run\n` +
    `usagestream offsets import ${common} --connector inventory --from-topic connect-offsets\n` +
    `usagestream offsets import ${common} --connector inventory --from-file /var/lib/connect/offsets`,
  takes,
  options: [
    connector,
    new Option(
      '--from-file <file>',
      "answer of Connect's REST API, or the file of its standalone mode",
    ),
    new Option('--from-topic <topic>', "offsets topic of Connect's distributed mode"),
    dryRun,
  ],
  run: (values, own, context) =>
    withLog(values, context, async (log) => {
      const { logger, signal } = context;
      const name = String(own['connector']);
      const given = await givenOffset(log, name, own, signal);
      const io = { log, logger, signal, clock: systemClock };
      const only = own['dryRun'] === true;
      const options = { ...values, sessionTimeoutMs: values.sessionTimeout, dryRun: only };
      const { before, after } = await importOffset(options, given, io);
      if (context.json) console.log(JSON.stringify({ dryRun: only, before, after }));
      else {
        const place = `${after.file}:${after.pos}`;
        const rest = after.rawFrom ? rawText(after.rawFrom) : '';
        console.log(`${only ? 'would go on' : 'goes on'} from ${place}${rest}`);
      }
      return 0;
    }),
});

export const offsetCommands = { export: exporting, import: importing } as const;

function rawText({ file, pos, row, after, ends = [] }: RawFrom): string {
  const last = `${file}:${pos} row ${row}`;
  if (!after) return `, raw topics after ${last}`;
  const ahead = `${ends.length} partitions have more, the last ${last}`;
  return `, raw topics after ${after.file}:${after.pos}${ends.length > 0 ? ` (${ahead})` : ''}`;
}

async function givenOffset(
  log: EventLog,
  name: string,
  own: Readonly<Record<string, unknown>>,
  signal: AbortSignal,
): Promise<ConnectOffset> {
  const [file, topic] = [own['fromFile'], own['fromTopic']];
  if (typeof file === 'string') {
    const bytes = readFile(file);
    if (!isOffsetFile(bytes)) return parseRestForm(bytes.toString(), name);
    for (const [key, value] of decodeOffsetFile(bytes)) {
      const found = parseOffsetRecord(key, value);
      if (found.connector === name) return found;
    }
    throw new AppError('OFFSETS_REFUSED', {
      reason: 'the connector is not in the file',
      name,
      file,
    });
  }
  if (typeof topic === 'string') return readOffsetTopic(log, topic, name, signal);
  throw new AppError('CONFIG_INVALID', { problems: ['give --from-file or --from-topic'] });
}

// Offsets of other connectors in the same file stay.
function withEntry(file: string, found: ConnectOffset): ReadonlyMap<string, string> {
  let others: ReadonlyMap<string, string> = new Map();
  try {
    others = decodeOffsetFile(readFileSync(file));
  } catch (fault) {
    if (!(fault instanceof Error && 'code' in fault && fault.code === 'ENOENT')) throw fault;
  }
  return new Map([...others, [offsetKey(found), JSON.stringify(found.offset)]]);
}

function readFile(file: string): Buffer {
  try {
    return readFileSync(file === '-' ? 0 : file);
  } catch (fault) {
    const said = fault instanceof Error ? fault.message : String(fault);
    throw new AppError('CONFIG_INVALID', { problems: [`--from-file: ${said}`] });
  }
}
