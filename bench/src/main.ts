import { fileURLToPath } from 'node:url';
import { BenchUsageError, runBench } from './runner.js';

try {
  await runBench({
    args: process.argv.slice(2),
    scenarioFolder: fileURLToPath(new URL('./scenarios', import.meta.url)),
    print: (text) => console.log(text),
    progress: (line) => console.error(`  ${line}`),
  });
} catch (error) {
  if (!(error instanceof BenchUsageError)) throw error;
  console.error(error.message);
  process.exitCode = 2;
}
