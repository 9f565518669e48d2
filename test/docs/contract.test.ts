import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import t from 'tap';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const contract = readFileSync(`${root}docs/delivery-and-ordering.md`, 'utf8');
const parity = readFileSync(`${root}packages/process/README.md`, 'utf8');

/** Behind a sentence: (_file_: title of a test). */
const reference = /\(_([\w-]+)_: ([^\n]+)\)/g;

/** The titles of the tests in test/process and test/simulation, by the name of their file. */
function titles(): Map<string, string> {
  const sources = new Map<string, string>();
  for (const folder of ['process', 'simulation', 'cli']) {
    let files: string[] = [];
    try {
      files = readdirSync(`${root}test/${folder}`);
    } catch {
      // A folder that is not there holds no tests.
    }
    for (const file of files)
      if (file.endsWith('.test.ts'))
        sources.set(file.replace('.test.ts', ''), readFileSync(`${root}test/${folder}/${file}`, 'utf8'));
  }
  return sources;
}

t.test('every sentence of the contract names a test that exists, or says that nothing is promised', async (t) => {
  const sources = titles();
  const sentences = contract.split('\n').filter((line) => line.startsWith('- '));
  t.ok(sentences.length > 30);
  for (const sentence of sentences) {
    const references = [...sentence.matchAll(reference)];
    t.ok(references.length > 0 || sentence.startsWith('- Nothing is promised'), sentence);
    for (const [, file = '', title = ''] of references) t.ok(sources.get(file)?.includes(title), `${file}: ${title}`);
  }
});

t.test('every test that the parity table names exists', async (t) => {
  const sources = titles();
  const references = [...parity.matchAll(reference)];
  t.ok(references.length > 20);
  for (const [, file = '', title = ''] of references) t.ok(sources.get(file)?.includes(title), `${file}: ${title}`);
});
