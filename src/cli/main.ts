import { Command, CommanderError } from 'commander';
import { armCrashPoint } from '../platform/crash-points.ts';
import { isAppError } from '../platform/errors.ts';
import { addCommand } from './command.ts';
import { adoptCommand } from './commands/adopt.ts';
import { aggregateCommand } from './commands/aggregate.ts';
import { auditCommand } from './commands/audit.ts';
import { cutoverCommand, rollbackCommand } from './commands/cutover.ts';
import { deadLetterCommands } from './commands/dead-letters.ts';
import { demoCommand } from './commands/demo.ts';
import { diffCommand } from './commands/diff.ts';
import { doctorCommand } from './commands/doctor.ts';
import { explainCommand } from './commands/explain.ts';
import { handbackCommand } from './commands/handback.ts';
import { logCommands } from './commands/log.ts';
import { generationCommands } from './commands/generations.ts';
import { migrateCommand } from './commands/migrate.ts';
import { offsetCommands } from './commands/offsets.ts';
import { quirksCommand } from './commands/quirks.ts';
import { rebuildCommand } from './commands/rebuild.ts';
import { referenceCommand } from './commands/reference.ts';
import { repairCommand } from './commands/repair.ts';
import { replayCommand } from './commands/replay.ts';
import { savepointCommands } from './commands/savepoint.ts';
import { runCommand } from './commands/run.ts';
import { simulateCommand } from './commands/simulate.ts';
import { sinkCommand } from './commands/sink.ts';
import { statusCommand } from './commands/status.ts';
import { tailCommand } from './commands/tail.ts';
import { takeoverCommand } from './commands/takeover.ts';
import { topicCommands } from './commands/topics.ts';

/** Exit codes: 0 done, 1 a fault, 2 wrong usage or settings. */
async function main(argv: readonly string[]): Promise<number> {
  let code = 0;
  const finish = (result: number) => void (code = result);
  const program = new Command('usagestream')
    .description(
      'Usage metering for Apache CloudStack: follows the binlog, keeps every event in Kafka,\n' +
        'and writes cloud_usage once, explainable row by row.',
    )
    .version('0.1.0')
    .showHelpAfterError('(add --help for the flags and an example)')
    .exitOverride();
  addCommand(program, runCommand, finish);
  addCommand(program, tailCommand, finish);
  addCommand(program, adoptCommand, finish);
  addCommand(program, aggregateCommand, finish);
  addCommand(program, sinkCommand, finish);
  addCommand(program, migrateCommand, finish);
  addCommand(program, doctorCommand, finish);
  addCommand(program, statusCommand, finish);
  addCommand(program, explainCommand, finish);
  addCommand(program, auditCommand, finish);
  addCommand(program, repairCommand, finish);
  const letters = program
    .command('dead-letters')
    .description('refused records: list them, look at one, put them into the feed again');
  addCommand(letters, deadLetterCommands.list, finish);
  addCommand(letters, deadLetterCommands.show, finish);
  addCommand(letters, deadLetterCommands.replay, finish);
  const topics = program
    .command('topics')
    .description('the topics on the log: create them, check them, say what they are for');
  addCommand(topics, topicCommands.create, finish);
  addCommand(topics, topicCommands.check, finish);
  addCommand(topics, topicCommands.describe, finish);
  const logs = program.command('log').description('work on whole logs');
  addCommand(logs, logCommands.copy, finish);
  const offsets = program
    .command('offsets')
    .description('change hands with a Debezium: positions from and to Kafka Connect');
  addCommand(offsets, offsetCommands.export, finish);
  addCommand(offsets, offsetCommands.import, finish);
  addCommand(program, replayCommand, finish);
  addCommand(program, rebuildCommand, finish);
  const savepoints = program
    .command('savepoint')
    .description('named copies of the states of a generation, to begin a rebuild from');
  addCommand(savepoints, savepointCommands.create, finish);
  addCommand(savepoints, savepointCommands.list, finish);
  addCommand(savepoints, savepointCommands.drop, finish);
  addCommand(program, diffCommand, finish);
  addCommand(program, cutoverCommand, finish);
  addCommand(program, rollbackCommand, finish);
  const generations = program
    .command('generations')
    .description('complete sets of results: list them, drop one');
  addCommand(generations, generationCommands.list, finish);
  addCommand(generations, generationCommands.drop, finish);
  addCommand(program, takeoverCommand, finish);
  addCommand(program, handbackCommand, finish);
  addCommand(program, simulateCommand, finish);
  addCommand(program, demoCommand, finish);
  addCommand(program, quirksCommand, finish);
  addCommand(program, referenceCommand(program), finish);
  try {
    armCrashPoint(process.env['USAGESTREAM_CRASH_AT']);
    await program.parseAsync(argv, { from: 'user' });
    return code;
  } catch (fault) {
    if (fault instanceof CommanderError) return fault.exitCode === 0 ? 0 : 2;
    if (isAppError(fault)) {
      console.error(fault.explain());
      return fault.code === 'CONFIG_INVALID' ? 2 : 1;
    }
    throw fault;
  }
}

// An unknown error is a bug: let it end the process with its stack.
process.exitCode = await main(process.argv.slice(2));
