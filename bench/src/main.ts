import { fileURLToPath } from 'node:url';
import { BenchUsageError } from './command-line.js';
import { runBench } from './runner.js';

try {
  await runBench({
    args: process.argv.slice(2),
    scenarioFolder: fileURLToPath(new URL('./scenarios', import.meta.url)),
    document: fileURLToPath(new URL('../../docs/benchmarks.md', import.meta.url)),
    profileFolder: fileURLToPath(new URL('./profiles', import.meta.url)),
    print: (text) => console.log(text),
    progress: (line) => console.error(`  ${line}`),
  });
} catch (error) {
  if (!(error instanceof BenchUsageError)) throw error;
  console.error(error.message);
  process.exitCode = 2;
}
