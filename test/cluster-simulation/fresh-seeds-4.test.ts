import { freshSeeds } from './fresh-seeds.js';

freshSeeds(25);
