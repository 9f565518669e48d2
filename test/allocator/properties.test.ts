import fc from 'fast-check';
import t from 'tap';
import { history, options } from './histories.js';
import { World } from './world.js';

/*
 * Random histories of random clusters, through the allocator's core and through a reference that is slow and plain. Of
 * each step it is checked that what is free and what is allocated are the total of every agent, and no port is there
 * twice; of each gift that it is what the reference says.
 */

const runs = { numRuns: 2_000 };
t.setTimeout(180_000);

t.test('Every gift is the reference’s, in an order that it allows, and none is missing', (t) => {
  let gifts = 0;
  fc.assert(
    fc.property(fc.nat(), options, history, (seed, options, steps) => {
      const world = new World(seed, options);
      for (const step of steps) world.step(step);
      world.finish();
      gifts += world.gifts;
    }),
    runs,
  );
  t.ok(gifts > 5_000, `${gifts} gifts were compared`);
  t.end();
});

t.test(
  'Sliced, with anything between the slices, no gift breaks a limit or a promise, and none is missing at the end',
  (t) => {
    let gifts = 0;
    fc.assert(
      fc.property(fc.nat(), options, history, (seed, options, steps) => {
        const world = new World(seed, options, 'slices');
        for (const step of steps) world.step(step);
        world.finish();
        gifts += world.gifts;
      }),
      runs,
    );
    t.ok(gifts > 5_000, `${gifts} gifts were compared`);
    t.end();
  },
);
