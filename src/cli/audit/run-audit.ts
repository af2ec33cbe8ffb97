import { compareU64 } from '../../contracts/ids.ts';
import { overchargeOf } from '../../domain/audit-repair.ts';
import { findPoison } from '../../domain/audit-poison.ts';
import type { Poison } from '../../domain/audit-poison.ts';
import { AuditTally } from '../../domain/audit-tally.ts';
import { quirkSet } from '../../domain/quirks.ts';
import { AppError } from '../../platform/errors.ts';
import { quoteName } from '../../platform/mysql.ts';
import type { MysqlTarget } from '../../platform/mysql.ts';
import { auditAccount } from './audit-account.ts';
import type { AuditScope, AuditVisitor } from './audit-account.ts';
import { eventStream } from './account-streams.ts';
import { auditReport } from './audit-report.ts';
import type { AuditReport } from './audit-report.ts';
import { OverchargeBook } from './overcharge-book.ts';
import { accounts, readCloud } from './read-cloud.ts';
import {
  readHistory,
  readRuns,
  readStuck,
  readStuckAmong,
  readUniqueKeys,
  text,
} from './read-history.ts';
import { Reader } from './reader.ts';

export interface AuditOptions {
  readonly target: MysqlTarget;
  readonly cloudUsageSchema: string;
  readonly cloudSchema: string;
  /** undefined: as the cloud's settings say, else a day. */
  readonly rangeMinutes: number | undefined;
  readonly snapshotVirtualSize: boolean | undefined;
  readonly runDelayMs: number;
  /** Windows that begin earlier are not compared. */
  readonly fromMs: number;
  readonly progress: (done: number, total: number) => void;
  readonly signal: AbortSignal;
}

/**
 * Audits the tables of a usage server: reads them all once, account by account, and writes nothing.
 *
 * @param visitor Is told of every finding as it is made.
 * @throws STORE_UNREACHABLE, STORE_ACCESS_DENIED, CLOUD_USAGE_MISSING; the signal's reason when it aborts
 */
export async function runAudit(
  options: AuditOptions,
  visitor?: AuditVisitor,
): Promise<AuditReport> {
  const { target, cloudUsageSchema: schema, cloudSchema } = options;
  const open = () => Reader.open(target);
  await using misc = await open();
  const history = await readHistory(misc, schema);
  await using ids = await open();
  const { runs, areTold } = await readRuns(ids, schema, history);
  const cloud = await readCloud(misc, cloudSchema, schema);
  const range = cloud.settings.get('usage.stats.job.aggregation.range');
  const rangeMinutes = options.rangeMinutes ?? Number(range ?? 1440);
  if (!Number.isInteger(rangeMinutes) || rangeMinutes < 1)
    throw new AppError('CONFIG_INVALID', {
      problems: [`usage.stats.job.aggregation.range is ${range}: give --range in minutes`],
    });
  const virtual = cloud.settings.get('usage.snapshot.virtualsize.select') === 'true';
  const stuck = await readStuck(misc, schema, history.billedToMs);
  const [oldest] = await misc.rows(
    `SELECT MIN(end_date) AS oldest, (SELECT COUNT(*) FROM ${quoteName(schema, 'account')}) AS accounts
     FROM ${quoteName(schema, 'cloud_usage')}`,
  );

  await using eventReader = await open();
  await using details = await open();
  await using rows = await open();
  await using network = await open();
  await using disk = await open();
  const scope: AuditScope = {
    readers: { misc, rows, network, disk },
    schema,
    cloudSchema: cloud.isReachable ? cloudSchema : null,
    events: eventStream(eventReader, details, schema, history.billedToMs),
    history,
    rangeMs: rangeMinutes * 60_000,
    runs,
    rules: {
      quirks: quirkSet('java-4.23'),
      settings: { snapshotVirtualSize: options.snapshotVirtualSize ?? virtual },
      runDelayMs: options.runDelayMs,
    },
    uniqueKeys: await readUniqueKeys(misc, schema),
    fromMs: options.fromMs,
    oldestEnd: oldest?.['oldest'] === null ? null : text(oldest?.['oldest']),
  };

  const tally = new AuditTally();
  const book = new OverchargeBook(ids, schema);
  const poisons: Poison[] = [];
  let unstorable: { readonly id: string; readonly why: string }[] = [];
  const counting: AuditVisitor = {
    async row(finding, place) {
      tally.row(finding, place);
      const overcharge = overchargeOf(finding);
      if (overcharge !== null && 'row' in finding)
        await book.add(finding.row.id, place.accountId, overcharge);
      await visitor?.row(finding, place);
    },
    async helper(finding, accountId) {
      tally.helper(finding, accountId);
      if (finding.kind === 'unstorable' && finding.wanted.eventId !== null)
        unstorable.push({ id: finding.wanted.eventId, why: `${finding.table}: ${finding.why}` });
      await visitor?.helper(finding, accountId);
    },
  };
  const totals = {
    ...{ outsideRows: 0, purgedWindows: 0, ownWindows: 0, unknownEvents: 0, accounts: 0 },
  };
  const all = Number(oldest?.['accounts']);
  await using listing = await open();
  for await (const account of accounts(listing, schema)) {
    options.signal.throwIfAborted();
    totals.unknownEvents += await scope.events.skipWhile(
      (event) => compareU64(event.accountId, account.id) < 0,
    );
    const counts = await auditAccount(scope, account, counting);
    tally.checkedRows += counts.checkedRows;
    tally.keptRows += counts.keptRows;
    totals.outsideRows += counts.outsideRows;
    totals.purgedWindows += counts.purgedWindows;
    totals.ownWindows += counts.ownWindows;
    totals.accounts += 1;
    if (stuck.count > 0 && poisons.length < poisonsKept) {
      const why = new Map(unstorable.map((one) => [one.id, one.why]));
      const among = await readStuckAmong(misc, schema, history.billedToMs, [...why.keys()]);
      for (const event of among) poisons.push({ event, why: why.get(event.id) ?? '' });
    }
    unstorable = [];
    options.progress(totals.accounts, all);
  }
  totals.unknownEvents += await scope.events.skipWhile(() => true);
  return auditReport({
    schema,
    rangeMinutes,
    history,
    areRunsTold: areTold,
    stuck,
    poison: findPoison(stuck.last, poisons),
    tally,
    credits: await book.credits(),
    cloud,
    ...totals,
  });
}

const poisonsKept = 1000;
