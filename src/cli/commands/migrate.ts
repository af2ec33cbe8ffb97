import { Option } from 'commander';
import { migrate } from '../../platform/migrate.ts';
import { openConnection } from '../../platform/mysql.ts';
import { defineCommand } from '../command.ts';
import { targetOf } from '../stages.ts';

export const migrateCommand = defineCommand({
  name: 'migrate',
  what: 'create or upgrade our own schema (and, if asked, missing tables of cloud_usage)',
  example:
    'usagestream migrate --sink mysql://root@db:3306 --dry-run   # say what would be done\n' +
    'usagestream migrate --sink mysql://root@db:3306',
  takes: ['sink', 'sinkPassword', 'schema', 'cloudUsageSchema'],
  options: [
    new Option(
      '--with-cloud-usage',
      "also create CloudStack's usage tables where they are missing",
    ),
    new Option('--dry-run', 'print the statements, change nothing'),
  ],
  run: async (values, own, context) => {
    const dryRun = own['dryRun'] === true;
    const connection = await openConnection(targetOf(values.sink, values.sinkPassword), 'STORE');
    try {
      const statements = await migrate(connection, {
        schema: values.schema,
        cloudUsageSchema: values.cloudUsageSchema,
        withCloudUsage: own['withCloudUsage'] === true,
        dryRun,
      });
      if (context.json) console.log(JSON.stringify({ dryRun, statements }));
      else if (dryRun) for (const statement of statements) console.log(`${statement};`);
      else
        console.log(
          statements.length === 0
            ? `${values.schema} is up to date`
            : `${values.schema}: ${statements.length} statements applied`,
        );
      return 0;
    } finally {
      await connection.end();
    }
  },
});
