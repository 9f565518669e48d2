// Runs the compiled tests: all of them, or with arguments those whose path begins so: `npm test -- process cli/nats`.
// Arguments that begin with a dash go to tap. What stands on the runtime alone runs a second time with every local message
// serialized. Prints tap's reports; the last line is `N passed, N failed` over both.
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { failures, totals } from './tap-output.mjs';
import { filesUnder, root, toolFile } from './workspace.mjs';

/** The folders whose tests run both ways, and what is left out of them because it only takes long. */
const serialized = ['process/', 'master/', 'agent/', 'simulation/'];
const notSerialized = ['simulation/hour.test.js'];
const serializing = {
  MESOS_ALWAYS_SERIALIZE: '1',
  NODE_OPTIONS: [
    process.env.NODE_OPTIONS ?? '',
    `--import=${pathToFileURL(join(root, 'test', 'build', 'support', 'always-serialize.js')).href}`,
  ]
    .join(' ')
    .trim(),
};

const options = process.argv.slice(2).filter((argument) => argument.startsWith('-'));
const filters = process.argv.slice(2).filter((argument) => !argument.startsWith('-'));
const files = selectFiles(filters);
if (files.length === 0) {
  console.log(`No test file begins with ${filters.join(' or ')}; in the folder test there are:`);
  console.log(testFiles().join('\n'));
  finish({ passed: 0, failed: 1, code: 1 });
} else {
  mkdirSync(join(root, 'build'), { recursive: true });
  const again = files.filter(
    (file) => serialized.some((folder) => file.startsWith(folder)) && !notSerialized.includes(file),
  );
  const plain = await runTests(files, 'out.tap', {});
  finish(again.length === 0 ? plain : sum(plain, await runAgain(again)));
}

function runAgain(again) {
  console.log(`\nOnce more, with every local message serialized: ${again.join(' ')}`);
  return runTests(again, 'out-serialized.tap', serializing);
}

/** Resolves with the counts, and the code that the test runner should end with. */
async function runTests(selected, outputName, environment) {
  const outputFile = join(root, 'build', outputName);
  rmSync(outputFile, { force: true });
  const code = await runTap(
    selected.map((file) => `build/${file}`),
    outputFile,
    environment,
  );
  return report(code, readOutput(outputFile));
}

function sum(a, b) {
  return { passed: a.passed + b.passed, failed: a.failed + b.failed, code: a.code === 0 ? b.code : a.code };
}

function testFiles() {
  return filesUnder(join(root, 'test', 'build'), new Set(['node_modules'])).filter((file) => file.endsWith('.test.js'));
}

function selectFiles(wanted) {
  const prefixes = wanted.map((filter) =>
    filter.replace(/^(\.\/)?(test\/)?(build\/)?/, '').replace(/(\/\*\*.*|\.[cm]?[jt]s)$/, ''),
  );
  return testFiles().filter((file) => prefixes.length === 0 || prefixes.some((prefix) => file.startsWith(prefix)));
}

function runTap(paths, outputFile, environment) {
  // Without a terminal tap's report would be redrawn hundreds of times; CI makes it print each result once.
  const env = { ...process.env, ...(process.stdout.isTTY ? {} : { CI: 'true' }), ...environment };
  const args = ['run', '--reporter=base', `--output-file=${outputFile}`, ...options, ...paths];
  return new Promise((done) => {
    const child = spawn(process.execPath, [toolFile('tap'), ...args], {
      cwd: join(root, 'test'),
      env,
      stdio: 'inherit',
    });
    child.on('error', (error) => {
      console.log(`tap could not be started: ${error.message}; run \`npm run setup\`.`);
      done(1);
    });
    child.on('close', (code, signal) => done(signal === null ? code : 1));
  });
}

function readOutput(outputFile) {
  try {
    return readFileSync(outputFile, 'utf8');
  } catch {
    return '';
  }
}

function report(code, output) {
  const counted = totals(output);
  if (counted === undefined) {
    console.log(`\ntap ended with code ${code} before it could count the tests; what it wrote is above.`);
    return { passed: 0, failed: 1, code: code === 0 ? 1 : code };
  }
  if (!process.stdout.isTTY) console.log(`\n${failures(output).join('\n\n')}`);
  // A time-out of the whole run, say, is no failed assertion, and still no success.
  const failed = code === 0 ? counted.failed : Math.max(1, counted.failed);
  return { passed: counted.passed, failed, code };
}

function finish({ passed, failed, code }) {
  console.log(`${passed} passed, ${failed} failed`);
  process.exitCode = code;
}
