import { stormyHistory } from '../stormy-history.js';

// Prints the history of the seed that it is given.
process.stdout.write((await stormyHistory(process.argv[2] ?? '')).text);
