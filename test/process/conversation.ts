import { message } from '@mesos-ts/process';
import { Type } from '@sinclair/typebox';

/** What the tests and their programs in other OS processes say to each other. */
export const Note = message('Note', { n: Type.Integer() });
export const Blob = message('Blob', { bytes: Type.Uint8Array() });
export const Echo = message(
  'Echo',
  { n: Type.Integer(), bytes: Type.Optional(Type.Uint8Array()) },
  { reply: message('Echoed', { n: Type.Integer(), bytes: Type.Optional(Type.Uint8Array()) }) },
);
/** Asks for Notes from 0 on to the sender, `perTurn` in each turn of the event loop; a `count` of 0 is no end. */
export const Flood = message('Flood', { count: Type.Integer(), perTurn: Type.Integer() });
/** Asks to link to the sender, and to link again whenever that breaks. */
export const Watch = message('Watch', {});
export const Report = message(
  'Report',
  {},
  {
    reply: message('Reported', {
      exits: Type.Array(Type.String()),
      counters: Type.Record(Type.String(), Type.Integer()),
    }),
  },
);
/** Asks to hold the event loop until the program is let go, and at least for so long. */
export const Block = message('Block', { ms: Type.Integer() });
export const End = message('End', {});
export const Throw = message('Throw', {});
