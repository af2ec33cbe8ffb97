// Preloaded into a measured process (node --import): says at exit what the process used.
import { writeFileSync } from 'node:fs';

process.on('exit', () => {
  const path = process.env['USAGESTREAM_BENCH_USAGE'];
  if (path === undefined) return;
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
  writeFileSync(path, JSON.stringify({ cpuUs: userCPUTime + systemCPUTime, maxRssKb: maxRSS }));
});
