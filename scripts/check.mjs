// What must hold before a change is handed in: types, lint and format, the rules of this repository.
import { importViolations, readTree, timeAndChanceViolations } from './rules.mjs';
import { compile, runTool } from './workspace.mjs';

const tree = readTree();

/** Each check resolves with what is wrong, as text; empty when nothing is. */
const checks = [
  ['types', async () => outputOfFailed(await compile())],
  [
    'lint and format',
    async () => outputOfFailed(await runTool('biome', ['check', '--error-on-warnings', '--colors=off'])),
  ],
  ['imports between packages', async () => listed(importViolations(tree))],
  ['time and chance only from Clock and Random', async () => listed(timeAndChanceViolations(tree))],
];

let failed = 0;
for (const [name, check] of checks) {
  const problems = await check();
  console.log(`${problems === '' ? 'ok    ' : 'failed'} ${name}`);
  if (problems === '') continue;
  failed++;
  console.log(problems);
}
if (failed > 0) {
  console.log(`${failed} of ${checks.length} checks failed; \`npx biome check --write\` repairs the format.`);
  process.exitCode = 1;
}

function outputOfFailed({ code, output }) {
  return code === 0 ? '' : output.trim() || `it ended with code ${code}`;
}

function listed(violations) {
  return violations.map(({ file, line, what, why }) => `${file}:${line}: ${what}: ${why}`).join('\n');
}
