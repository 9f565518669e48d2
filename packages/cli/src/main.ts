import { runProgram } from './program.js';

// A reader that has seen enough, such as `head`, is no reason to fail loudly.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

const code = await runProgram(process.argv.slice(2));
process.exit(code);
