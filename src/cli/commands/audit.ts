import { writeFile } from 'node:fs/promises';
import { Option } from 'commander';
import { AppError } from '../../platform/errors.ts';
import type { CommandContext } from '../command.ts';
import { defineCommand } from '../command.ts';
import type { AuditReport } from '../audit/audit-report.ts';
import { reportHtml } from '../audit/report-html.ts';
import { reportText } from '../audit/report-text.ts';
import { runAudit } from '../audit/run-audit.ts';
import type { AuditOptions } from '../audit/run-audit.ts';
import { createProgressBar } from '../progress-bar.ts';
import { instantMs } from '../setting-schemas.ts';
import type { SettingKey, SettingValues } from '../settings.ts';
import { targetOf } from '../stages.ts';

/** Settings that `audit` and `repair` share. */
export const auditSettings = [
  ...(['sink', 'sinkPassword', 'cloudSchema', 'cloudUsageSchema'] as const),
  ...(['range', 'closeDelay', 'snapshotVirtualSize'] as const),
] satisfies SettingKey[];

export const fromOption = new Option(
  '--from <time>',
  'compare windows that begin at this time or later (events before it count all the same)',
);

export const htmlOption = new Option('--html <file>', 'also write the report as a web page');

const defaultDelayMs = 15 * 60_000;

export const auditCommand = defineCommand({
  name: 'audit',
  what: 'what a Java usage server has left in cloud_usage: rows twice, missing or too many, helper rows, stuck events, credits to issue; reads only; exit code 1 when something is damaged',
  example:
    'usagestream audit --sink mysql://auditor@db:3306\n' +
    'usagestream audit --sink mysql://auditor@db:3306 --json > audit.json\n' +
    'usagestream audit --sink mysql://auditor@db:3306 --html audit.html --from 2026-01-01T00:00:00Z',
  takes: auditSettings,
  options: [fromOption, htmlOption],
  run: async (values, own, context) => {
    const report = await auditOptions(values, own, context).showing(runAudit);
    await writePage(own['html'], report);
    if (context.json) console.log(JSON.stringify(report));
    else console.log(reportText(report).join('\n'));
    return report.isDamaged ? 1 : 0;
  },
});

/** Writes the report as a page, where one was asked for. @throws CONFIG_INVALID when it cannot be written */
export async function writePage(path: unknown, report: AuditReport): Promise<void> {
  if (typeof path !== 'string') return;
  try {
    await writeFile(path, reportHtml(report));
  } catch (cause) {
    const problem = cause instanceof Error ? cause.message : 'cannot be written';
    throw new AppError('CONFIG_INVALID', { problems: [`--html: ${problem}`] }, cause);
  }
}

/** What a run of the audit needs; `showing` runs it with a progress bar. @throws CONFIG_INVALID */
export function auditOptions(
  values: Pick<SettingValues, (typeof auditSettings)[number]>,
  own: Readonly<Record<string, unknown>>,
  { json, signal }: Pick<CommandContext, 'json' | 'signal'>,
) {
  const from = own['from'] === undefined ? undefined : instantMs.safeParse(own['from']);
  if (from?.success === false)
    throw new AppError('CONFIG_INVALID', {
      problems: from.error.issues.map(({ message }) => `--from: ${message}`),
    });
  const options = {
    target: targetOf(values.sink, values.sinkPassword),
    cloudUsageSchema: values.cloudUsageSchema,
    cloudSchema: values.cloudSchema,
    rangeMinutes: values.range,
    snapshotVirtualSize: values.snapshotVirtualSize,
    runDelayMs: values.closeDelay ?? defaultDelayMs,
    fromMs: from?.data ?? 0,
    signal,
  };
  return {
    async showing<T>(work: (options: AuditOptions) => Promise<T>): Promise<T> {
      const bar = createProgressBar({ what: 'accounts', json });
      try {
        return await work({ ...options, progress: (done, total) => bar.update({ done, total }) });
      } finally {
        bar.stop();
      }
    },
  };
}
