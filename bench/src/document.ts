import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

const preamble = `# Benchmarks

Written by \`npm run bench -- NAME --doc\`; do not edit what stands between the marks. Each figure is the median of several
runs, taken in turns with those of its baseline, and so is their ratio. The machines are noisy: trust ratios.
`;

/** Puts the section of one scenario into a document, in the place of its last one, and leaves the others as they are. */
export function writeSection(file: string, scenario: string, text: string): void {
  const before = existsSync(file) ? readFileSync(file, 'utf8') : preamble;
  const [begin, end] = [`<!-- ${scenario}: begin -->`, `<!-- ${scenario}: end -->`];
  const section = `${begin}\n\n${text}\n\n${end}`;
  const [from, to] = [before.indexOf(begin), before.indexOf(end)];
  const known = from >= 0 && to > from;
  mkdirSync(dirname(file), { recursive: true });
  // Sliced, not replaced by a pattern: a `$` in the text is to stay one.
  const after = known ? before.slice(0, from) + section + before.slice(to + end.length) : `${before}\n${section}\n`;
  writeFileSync(file, after);
}
