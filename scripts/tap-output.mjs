// Reads what tap writes with --output-file: TAP version 14.

/** The counts of assertions at its end, `# { total: 44, pass: 43, fail: 1 }`; undefined when tap did not get there. */
export function totals(output) {
  const last = output.match(/^# \{ total: .*\}$/gm)?.at(-1);
  if (last === undefined) return undefined;
  const count = (name) => Number(new RegExp(`\\b${name}: (\\d+)`).exec(last)?.[1] ?? 0);
  return { passed: count('pass'), failed: count('fail') };
}

/** Facts about how tap runs a file, and a copy of the source text: of no use to someone who reads the failure. */
const boring = new Set([
  'stdio',
  'cwd',
  'command',
  'args',
  'externalID',
  'jobId',
  'source',
  'signal',
  'at',
  'tapCaught',
]);

/** Each failed assertion with the names of the tests around it, where it is, and the difference. */
export function failures(output) {
  const found = [];
  const around = [];
  const lines = output.split('\n');
  for (let i = 0; i < lines.length; i++) {
    const [, indent = '', rest = ''] = /^( *)(.*)$/.exec(lines[i]) ?? [];
    const depth = indent.length / 4;
    if (rest.startsWith('# Subtest: ')) {
      around.length = depth;
      around.push(rest.slice('# Subtest: '.length));
    } else if (rest.startsWith('not ok ')) {
      const { diagnostic, end } = readDiagnostic(lines, i + 1, indent);
      i = end;
      const name = rest.replace(/^not ok \d+( - )?/, '').replace(/ # .*$/, '');
      const text = interesting(diagnostic);
      if (isLeaf(diagnostic)) found.push([`✖ ${[...around.slice(0, depth), name].join(' > ')}`, ...text].join('\n'));
    }
  }
  return found;
}

function readDiagnostic(lines, start, indent) {
  if (lines[start] !== `${indent}  ---`) return { diagnostic: [], end: start - 1 };
  let end = start + 1;
  while (end < lines.length && lines[end] !== `${indent}  ...`) end++;
  return { diagnostic: lines.slice(start + 1, end).map((line) => line.slice(indent.length + 2)), end };
}

/** A test that failed only because something inside it did has a place and nothing else. */
function isLeaf(diagnostic) {
  return diagnostic.some((line) => /^(diff|stack|error|message|exitCode|expired|signal: S|found|wanted)/.test(line));
}

function interesting(diagnostic) {
  let shown = true;
  const own = diagnostic.filter((line) => !line.includes('/node_modules/'));
  return own.filter((line) => {
    const key = /^([A-Za-z]+):/.exec(line)?.[1];
    if (key !== undefined) shown = !boring.has(key);
    return shown && line.trim() !== '';
  });
}
