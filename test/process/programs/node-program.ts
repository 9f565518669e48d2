import { readSync } from 'node:fs';
import { readCredentials } from '@mesos-ts/cli';
import {
  NatsTransport,
  Node,
  SocketClientTransport,
  SocketServerTransport,
  type Transport,
  type Upid,
  upid,
} from '@mesos-ts/process';
import { Actor } from '../actor.js';
import { Block, Echo, End, Flood, Note, Report, Throw, Watch } from '../conversation.js';

/** One Node in an OS process of its own, with a process `peer` on it that does as it is told. */
export interface NodeProgramConfig {
  readonly name: string;
  readonly nats?: string;
  readonly cluster?: string;
  /** A file of credentials for the NATS server. */
  readonly credentials?: string;
  /** The path of a socket to listen on. */
  readonly listen?: string;
  /** The path of a socket to connect to. */
  readonly connect?: string;
}

const config = JSON.parse(process.argv[2] ?? '') as NodeProgramConfig;

function transport(): Transport {
  if (config.listen !== undefined) return new SocketServerTransport(config.listen);
  if (config.connect !== undefined) return new SocketClientTransport(config.connect);
  const connection = config.credentials === undefined ? {} : readCredentials(config.credentials).connection;
  return new NatsTransport({ servers: config.nats ?? '', cluster: config.cluster ?? 'mesos', connection });
}

function flood(self: Actor, to: Upid, count: number, perTurn: number): void {
  let n = 0;
  const turn = (): void => {
    for (let i = 0; i < perTurn; i++) {
      if (count > 0 && n >= count) return;
      self.say(to, Note, { n: n++ });
    }
    // An endless one leaves room for everything else.
    if (count > 0) setImmediate(turn);
    else self.later(1, turn);
  };
  turn();
}

/** The event loop stands still until a byte comes by the pipe that is for this. */
function block(ms: number): void {
  const began = performance.now();
  readSync(3, new Uint8Array(1));
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, Math.max(0, ms - (performance.now() - began)));
}

// Nobody is left behind by a test that was killed.
process.stdin.on('end', () => process.exit()).resume();

const node = await Node.start({ name: config.name, transports: [transport()] });
const peer = new Actor('peer', {
  initialize: (self) => {
    self.on(Echo, (_from, body) => self.answer(Echo.replyType, body));
    self.on(Flood, (from, { count, perTurn }) => flood(self, from, count, perTurn));
    self.on(Watch, (from) => self.watch(from));
    self.on(Report, () =>
      self.answer(Report.replyType, { exits: [...self.exits], counters: node.counters.snapshot() }),
    );
    self.on(Block, (_from, { ms }) => block(ms));
    self.on(End, () => self.end());
    self.on(Throw, () => {
      throw new Error('as it was told to');
    });
  },
  exited: (pid, reason, self) => {
    if (reason === 'connection-lost') self.watch(pid);
  },
});
node.spawn(peer);
process.stdout.write(`${upid('peer', node.name, node.incarnation)}\n`);
