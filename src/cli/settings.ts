import { z } from 'zod';
import { checkWindowSpec } from '../domain/window.ts';
import { adoptSettings } from './adopt-settings.ts';
import { quirkSwitches } from './quirk-switches.ts';
import {
  databaseAddress,
  durationMs,
  instantMs,
  logAddress,
  onOff,
  schemaName,
  text,
  whole,
} from './setting-schemas.ts';
import { setting } from './setting.ts';
import { tailSettings } from './tail-settings.ts';

/** Every setting that a command may take. */
export const settings = {
  source: setting({
    name: 'source',
    value: 'mysql://user@host:3306',
    what: 'MariaDB 10.6+ server to follow (?tls=required|verify&ca=FILE for TLS)',
    schema: databaseAddress,
  }),
  sink: setting({
    name: 'sink',
    value: 'mysql://user@host:3306',
    what: 'server with cloud_usage and our own schema',
    schema: databaseAddress,
  }),
  log: setting({
    name: 'log',
    value: 'kafka://host:9092|embedded:FILE',
    what: 'brokers, comma between several (?tls=required|verify&ca=FILE&sasl=scram-sha-512&user=NAME); or embedded:FILE, a log in one file for one machine (docs/embedded-log.md)',
    schema: logAddress,
  }),
  sourcePassword: setting({
    name: 'source-password',
    secret: true,
    what: 'password for --source',
    schema: z.string().optional(),
  }),
  sinkPassword: setting({
    name: 'sink-password',
    secret: true,
    what: 'password for --sink',
    schema: z.string().optional(),
  }),
  logPassword: setting({
    name: 'log-password',
    secret: true,
    what: 'SASL password for --log',
    schema: z.string().optional(),
  }),
  prefix: setting({
    name: 'prefix',
    value: 'NAME',
    what: 'first part of every topic name',
    schema: z
      .string()
      .regex(/^[A-Za-z0-9._-]{1,100}$/)
      .default('acs'),
    shown: 'acs',
  }),
  preset: setting({
    name: 'preset',
    value: 'java-4.23|correct|auto',
    what: 'billing rules; auto: java-4.23 where a Java usage server has worked, else correct',
    schema: z.enum(['java-4.23', 'correct', 'auto']).default('auto'),
    shown: 'auto',
  }),
  quirks: setting({
    name: 'quirks',
    each: 'quirk',
    value: 'NAME=on|off',
    what: 'one billing rule otherwise than the preset has it (`usagestream quirks` lists them); may be repeated, in the environment with commas, in YAML as a map',
    schema: quirkSwitches,
    shown: 'as the preset',
  }),
  ...tailSettings,
  ...adoptSettings,
  range: setting({
    name: 'range',
    value: 'MINUTES',
    what: 'length of a window; 1440 is a calendar day, 60 an hour',
    schema: whole(1, 525_600).optional(),
    shown: "the cloud's usage.stats.job.aggregation.range, else 1440",
  }),
  windowOrigin: setting({
    name: 'window-origin',
    value: 'TIME',
    what: 'start of any one window, at a whole minute, where the range is neither 1440 nor 60; kept for ever once a generation is made',
    schema: instantMs
      .refine((ms) => ms % 60_000 === 0, { error: 'windows start at whole minutes' })
      .optional(),
    shown:
      "that of the live generation; else the end of the last usage_job; else the cloud's first usage.stats.job.exec.time",
  }),
  closeDelay: setting({
    name: 'close-delay',
    value: 'DURATION',
    what: 'how long after its end a window takes events that commit late',
    schema: durationMs.optional(),
    shown:
      "until the cloud's usage.stats.job.exec.time, at least 15m, or half the range if that is less",
  }),
  timeZone: setting({
    name: 'time-zone',
    value: 'ZONE',
    what: 'time zone of the window bounds',
    schema: text
      .refine((zone) => checkWindowSpec({ rangeMinutes: 1, timeZone: zone }).length === 0, {
        error: 'unknown time zone: write Europe/Berlin or GMT+01:00',
      })
      .optional(),
    shown: "the cloud's usage.aggregation.timezone, else GMT",
  }),
  snapshotVirtualSize: setting({
    name: 'snapshot-virtual-size',
    value: 'on|off',
    what: 'bill snapshots by their virtual size',
    schema: onOff.optional(),
    shown: "the cloud's usage.snapshot.virtualsize.select, else off",
  }),
  until: setting({
    name: 'until',
    value: 'TIME',
    what: 'end with exit code 0 once every window that ends by TIME is done',
    schema: instantMs.optional(),
  }),
  mode: setting({
    name: 'mode',
    value: 'primary|shadow',
    what: "primary writes CloudStack's tables, shadow only our own (beside a running Java server)",
    schema: z.enum(['primary', 'shadow']).default('primary'),
    shown: 'primary',
  }),
  helperTables: setting({
    name: 'helper-tables',
    value: 'on|off',
    what: 'keep in cloud_usage all that a Java usage server needs to go on (mode primary)',
    schema: onOff.default(true),
    shown: 'on',
  }),
  corrections: setting({
    name: 'corrections',
    value: 'append|ledger|amend',
    what: 'what becomes of published rows that late events show to be wrong: append bills what was missed in the current window; ledger only writes it down; amend changes the rows, while quota is off (the sink needs deploy/grants/sink-amend.sql)',
    schema: z.enum(['append', 'ledger', 'amend']).default('append'),
    shown: 'append',
  }),
  correctBack: setting({
    name: 'correct-back',
    value: 'DURATION|off',
    what: 'how far before the current window a late event may bill or change anything; what is older is only written down',
    schema: z
      .union([z.literal(['off', false]).transform(() => Infinity), durationMs])
      .default(Infinity),
    shown: 'off: no bound',
  }),
  alerts: setting({
    name: 'alerts',
    value: 'mysql://user@host:3306|off',
    what: "server of the management server's schema (--cloud-schema): where to raise CloudStack's alerts when usage fails or cannot be right (deploy/grants/sink-alerts.sql)",
    schema: z
      .union([z.literal(['off', false]).transform(() => null), databaseAddress])
      .default(null),
    shown: 'off',
  }),
  alertsPassword: setting({
    name: 'alerts-password',
    secret: true,
    what: 'password for --alerts',
    schema: z.string().optional(),
  }),
  generation: setting({
    name: 'generation',
    value: 'NAME',
    what: 'set of results to work on',
    schema: z
      .string()
      .regex(/^[A-Za-z0-9_.-]{1,64}$/)
      .default('main'),
    shown: 'main',
  }),
  cloudSchema: setting({
    name: 'cloud-schema',
    value: 'NAME',
    what: "CloudStack's schema on the source",
    schema: schemaName.default('cloud'),
    shown: 'cloud',
  }),
  cloudUsageSchema: setting({
    name: 'cloud-usage-schema',
    value: 'NAME',
    what: "CloudStack's usage schema on the sink",
    schema: schemaName.default('cloud_usage'),
    shown: 'cloud_usage',
  }),
  schema: setting({
    name: 'schema',
    value: 'NAME',
    what: 'our own schema on the sink',
    schema: schemaName.default('usage_stream'),
    shown: 'usage_stream',
  }),
  sessionTimeout: setting({
    name: 'session-timeout',
    value: 'DURATION',
    what: 'a silent leader or worker is replaced after this long',
    schema: durationMs.default(10_000),
    shown: '10s',
  }),
  answerTimeout: setting({
    name: 'answer-timeout',
    value: 'DURATION',
    what: 'a connection on which a database leaves a question without any answer for so long is given up and made anew; statements over whole tables may take ten times as long (docs/high-availability.md)',
    schema: durationMs.default(60_000),
    shown: '60s',
  }),
  host: setting({
    name: 'host',
    value: 'NAME',
    what: 'name in usage_job.host; must differ from the one of a Java server on this machine',
    schema: text.optional(),
    shown: 'usagestream@<hostname>',
  }),
  http: setting({
    name: 'http',
    value: 'ADDRESS:PORT|off',
    what: 'where /metrics, /healthz and /readyz listen',
    schema: text.default('off'),
    shown: 'off',
  }),
  logLevel: setting({
    name: 'log-level',
    value: 'LEVEL',
    what: 'trace, debug, info, warn, error or silent (on stderr, JSON lines)',
    schema: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
    shown: 'info',
  }),
} as const;

export type SettingKey = keyof typeof settings;
export type SettingValues = { [K in SettingKey]: z.output<(typeof settings)[K]['schema']> };
