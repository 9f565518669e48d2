import type { Random } from '@mesos-ts/process';
import {
  type ConnectZookeeper,
  type SessionTicket,
  type ZookeeperConnection,
  type ZookeeperConnectionOptions,
  type ZookeeperListener,
  type ZookeeperNode,
  ZookeeperProblem,
} from '@mesos-ts/zk-election';

/** What moves the ensemble: true time in ms, and what happens later. */
export interface EnsembleWorld {
  readonly now: number;
  readonly random: Random;
  readonly calm: boolean;
  after(delayMs: number, act: () => void): void;
}

/** The machine of a client: when what comes to it is heard, and until when nothing goes between it and the servers. */
export interface ClientMachine {
  readonly suspendedUntil: number;
  readonly cutUntil: number;
  readonly dead: boolean;
}

interface Node extends ZookeeperNode {
  readonly owner: number;
}
type Tree = ReadonlyMap<string, Node>;
interface Session {
  readonly timeoutMs: number;
  touchedAt: number;
}

const serverCount = 3;
const tickMs = 2_000;
/** How long a server that hears nothing of the others goes on answering its clients: long enough to do harm. */
const aloneMsMax = 12_000;
const group = '/mesos/el';

/**
 * Servers as ZooKeeper's: writes are agreed upon, and each server learns of them a little later; reads, pings among
 * them, are answered by the server alone from what it knows; what sessions were heard of is passed to the leader of the
 * ensemble every half tick, and what was not is lost with the server; a server that is cut off from the others goes on
 * answering reads for a while; sessions that the leader heard nothing of for their timeout end with all their nodes.
 */
export class SimulatedEnsemble {
  readonly #world: EnsembleWorld;
  readonly #servers: Server[];
  readonly sessions = new Map<number, Session>();
  tree: Tree = new Map([
    ['/', node()],
    ['/mesos', node()],
    [group, node()],
  ]);
  zxid = 0;
  #sequence = 0;
  #lastSession = 0;
  #outageUntil = 0;

  constructor(world: EnsembleWorld) {
    this.#world = world;
    this.#servers = Array.from({ length: serverCount }, () => new Server(this, world));
    this.#tick();
  }

  get addresses(): { readonly host: string; readonly port: number }[] {
    return this.#servers.map((_, index) => ({ host: `s${index}`, port: index + 1 }));
  }

  get path(): string {
    return group;
  }

  /** How a client on `machine` makes connections. */
  connectFrom(machine: ClientMachine): ConnectZookeeper {
    return (options, listener) => {
      const server = this.#servers[options.server.port - 1] as Server;
      return new Connection(this, this.#world, server, machine, options, listener);
    };
  }

  get inOutage(): boolean {
    return this.#world.now < this.#outageUntil;
  }

  /** Its leader dies: nothing is agreed upon for a while, and then all sessions begin their timeout anew. */
  electAnew(ms: number): void {
    this.#outageUntil = this.#world.now + ms;
    for (const server of this.#servers) server.hangUp();
    this.#world.after(ms, () => {
      for (const session of this.sessions.values()) session.touchedAt = this.#world.now;
    });
  }

  crash(index: number, ms: number): void {
    this.#servers[index]?.crash(ms);
  }

  isolate(index: number, ms: number): void {
    this.#servers[index]?.isolate(Math.min(ms, aloneMsMax));
  }

  /** Somebody else makes a node that stays. */
  litter(prefix: string, text: string): void {
    this.#sequence += 1;
    const name = `${group}/${prefix}${String(this.#sequence).padStart(10, '0')}`;
    this.commit((tree) => tree.set(name, { data: new TextEncoder().encode(text), czxid: this.zxid, owner: 0 }));
  }

  newSession(timeoutMs: number): number {
    this.#lastSession += 1;
    this.sessions.set(this.#lastSession, { timeoutMs, touchedAt: this.#world.now });
    return this.#lastSession;
  }

  endSession(id: number): void {
    this.sessions.delete(id);
    this.commit((tree) => {
      for (const [path, { owner }] of tree) if (owner === id) tree.delete(path);
    });
  }

  nextName(prefix: string): string {
    this.#sequence += 1;
    return `${prefix}${String(this.#sequence).padStart(10, '0')}`;
  }

  /** Agrees on a change; each server applies it a little later, in this order. */
  commit(change: (tree: Map<string, Node>) => void): void {
    this.zxid += 1;
    const tree = new Map(this.tree);
    change(tree);
    this.tree = tree;
    for (const server of this.#servers) server.learn(tree, this.zxid);
  }

  #tick(): void {
    if (!this.inOutage) {
      for (const server of this.#servers) server.passOn();
      for (const [id, { timeoutMs, touchedAt }] of this.sessions)
        if (this.#world.now >= touchedAt + timeoutMs) this.endSession(id);
    }
    this.#world.after(tickMs / 2, () => this.#tick());
  }
}

class Server {
  readonly #ensemble: SimulatedEnsemble;
  readonly #world: EnsembleWorld;
  readonly #connections = new Set<Connection>();
  readonly #heardOf = new Set<number>();
  tree: Tree;
  zxid = 0;
  #downUntil = 0;
  #aloneUntil = 0;
  #learnedAt = 0;

  constructor(ensemble: SimulatedEnsemble, world: EnsembleWorld) {
    this.#ensemble = ensemble;
    this.#world = world;
    this.tree = ensemble.tree;
  }

  get down(): boolean {
    return this.#world.now < this.#downUntil;
  }

  get alone(): boolean {
    return this.#world.now < this.#aloneUntil;
  }

  crash(ms: number): void {
    this.#downUntil = this.#world.now + ms;
    this.#leave(ms);
  }

  isolate(ms: number): void {
    if (this.down || this.alone) return;
    this.#aloneUntil = this.#world.now + ms;
    this.#world.after(ms, () => this.#leave(0));
  }

  /** Nothing is left of what it did not pass on; it comes back with what the others know. */
  #leave(ms: number): void {
    this.#heardOf.clear();
    this.hangUp();
    this.#world.after(ms, () => {
      this.tree = this.#ensemble.tree;
      this.zxid = this.#ensemble.zxid;
    });
  }

  hangUp(): void {
    for (const connection of this.#connections) connection.serverHangsUp();
    this.#connections.clear();
  }

  touch(session: number): void {
    this.#heardOf.add(session);
  }

  passOn(): void {
    if (this.down || this.alone) return;
    for (const id of this.#heardOf) {
      const session = this.#ensemble.sessions.get(id);
      if (session !== undefined) session.touchedAt = this.#world.now;
    }
    this.#heardOf.clear();
  }

  add(connection: Connection): void {
    this.#connections.add(connection);
  }

  learn(tree: Tree, zxid: number): void {
    const slow = !this.#world.calm && this.#world.random.fraction() < 0.1 ? 800 : 20;
    this.#learnedAt = Math.max(this.#learnedAt, this.#world.now + this.#world.random.fraction() * slow);
    this.#world.after(this.#learnedAt - this.#world.now, () => {
      if (this.down || this.alone || zxid <= this.zxid) return;
      this.tree = tree;
      this.zxid = zxid;
      for (const connection of this.#connections) connection.serverLearned();
    });
  }
}

/** One connection: requests and answers in order, each delayed, and held up while the two cannot reach each other. */
class Connection implements ZookeeperConnection {
  readonly #ensemble: SimulatedEnsemble;
  readonly #world: EnsembleWorld;
  readonly #server: Server;
  readonly #machine: ClientMachine;
  readonly #options: ZookeeperConnectionOptions;
  readonly #listener: ZookeeperListener;
  readonly #arrivals = { there: 0, back: 0 };
  readonly #waiting = new Set<(error: Error) => void>();
  /** What the server has to do yet, one after the other. */
  readonly #requests: (() => void)[] = [];
  #serving = false;
  #watches: { readonly tree: Tree; readonly path: string; readonly children: boolean; readonly fire: () => void }[] =
    [];
  #learned: (() => void)[] = [];
  #session = 0;
  #seen = 0;
  #clientClosed = false;
  #serverClosed = false;

  constructor(
    ensemble: SimulatedEnsemble,
    world: EnsembleWorld,
    server: Server,
    machine: ClientMachine,
    options: ZookeeperConnectionOptions,
    listener: ZookeeperListener,
  ) {
    this.#ensemble = ensemble;
    this.#world = world;
    this.#server = server;
    this.#machine = machine;
    this.#options = options;
    this.#listener = listener;
    this.#cross('there', () => this.#attach());
  }

  ticket(): SessionTicket {
    const [id, seen] = [Buffer.alloc(8), Buffer.alloc(8)];
    id.writeBigInt64BE(BigInt(this.#session));
    seen.writeBigInt64BE(BigInt(this.#seen));
    return { id, seen, password: Buffer.alloc(16) };
  }

  exists(path: string): Promise<boolean> {
    return this.#ask((answer) => answer(this.#server.tree.has(path)));
  }

  makeFolder(): Promise<void> {
    return Promise.reject(new Error('everything is there'));
  }

  makeMember(prefix: string, data: Uint8Array): Promise<string> {
    return this.#write((answer) => {
      const path = this.#ensemble.nextName(prefix);
      this.#ensemble.commit((tree) => tree.set(path, { data, czxid: this.#ensemble.zxid, owner: this.#session }));
      answer(path);
    });
  }

  children(path: string, watch: () => void): Promise<readonly string[]> {
    return this.#ask((answer) => {
      const { tree } = this.#server;
      this.#watches.push({ tree, path, children: true, fire: watch });
      answer(childrenOf(tree, path));
    });
  }

  get(path: string, watch?: () => void): Promise<ZookeeperNode> {
    return this.#ask((answer, fail) => {
      const { tree } = this.#server;
      const found = tree.get(path);
      if (found === undefined) return fail(new ZookeeperProblem('noNode', 'there is none'));
      if (watch !== undefined) this.#watches.push({ tree, path, children: false, fire: watch });
      answer(found);
    });
  }

  set(path: string, data: Uint8Array): Promise<number> {
    return this.#write((answer, fail) => {
      const found = this.#ensemble.tree.get(path);
      if (found === undefined) return fail(new ZookeeperProblem('noNode', 'there is none'));
      this.#ensemble.commit((tree) => tree.set(path, { ...found, data }));
      answer(found.czxid);
    });
  }

  endSession(): void {
    void this.#write<void>((answer) => {
      this.#ensemble.endSession(this.#session);
      this.serverHangsUp();
      answer();
    }).catch(() => undefined);
  }

  drop(): void {
    this.#close('dropped');
  }

  serverHangsUp(): void {
    if (this.#serverClosed) return;
    this.#serverClosed = true;
    this.#back(() => this.#close('the server hung up'));
  }

  serverLearned(): void {
    const { tree } = this.#server;
    const fired = this.#watches.filter((watch) => changed(watch, tree));
    this.#watches = this.#watches.filter((watch) => !fired.includes(watch));
    for (const { fire } of fired) this.#back(fire);
    const learned = this.#learned;
    this.#learned = [];
    for (const act of learned) act();
    // A session that has ended ends its connections.
    if (this.#session !== 0 && !this.#ensemble.sessions.has(this.#session) && !this.#server.alone) this.serverHangsUp();
  }

  #attach(): void {
    if (this.#server.down) this.#back(() => this.#close('ECONNREFUSED'));
    // Whoever is alone does not answer; who is behind the client hangs up.
    else if (this.#server.alone || this.#ensemble.inOutage) return;
    else if (Number(this.#options.ticket?.seen.readBigInt64BE() ?? 0) > this.#server.zxid) this.serverHangsUp();
    else this.#take();
  }

  #take(): void {
    const { ticket, timeoutMs } = this.#options;
    const id = ticket === undefined ? this.#ensemble.newSession(timeoutMs) : Number(ticket.id.readBigInt64BE());
    const session = this.#ensemble.sessions.get(id);
    if (session === undefined) {
      this.#back(() => this.#listener.expired());
      this.serverHangsUp();
      return;
    }
    // A server takes a session by asking the leader, who has so heard of it.
    session.touchedAt = this.#world.now;
    this.#session = id;
    this.#server.add(this);
    this.#back(() => this.#listener.attached(timeoutMs));
  }

  /** A request: the server does it after those before it. */
  #ask<T>(serve: (answer: (value: T) => void, fail: (error: Error) => void) => void): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#clientClosed) return reject(new ZookeeperProblem('connection', 'closed'));
      this.#waiting.add(reject);
      const done = (act: () => void): void => {
        const { zxid } = this.#server;
        this.#back(() => {
          this.#waiting.delete(reject);
          this.#seen = Math.max(this.#seen, zxid);
          act();
        });
        this.#serving = false;
        this.#serveNext();
      };
      const request = (): void =>
        serve(
          (value) => done(() => resolve(value)),
          (error) => done(() => reject(error)),
        );
      this.#cross('there', () => {
        if (this.#serverClosed || this.#server.down) return;
        this.#server.touch(this.#session);
        this.#requests.push(request);
        this.#serveNext();
      });
    });
  }

  #serveNext(): void {
    if (this.#serving) return;
    const request = this.#requests.shift();
    if (request === undefined) return;
    this.#serving = true;
    request();
  }

  /** A request that all have to agree on; answered once this server has learned of it. */
  #write<T>(change: (answer: (value: T) => void, fail: (error: Error) => void) => void): Promise<T> {
    return this.#ask((answer, fail) => {
      this.#world.after(this.#world.random.fraction() * 10, () => {
        if (this.#server.alone || this.#server.down || this.#ensemble.inOutage) return;
        if (!this.#ensemble.sessions.has(this.#session)) return this.serverHangsUp();
        change((value) => this.#learned.push(() => answer(value)), fail);
      });
    });
  }

  #close(why: string): void {
    if (this.#clientClosed) return;
    this.#clientClosed = true;
    for (const reject of this.#waiting) reject(new ZookeeperProblem('connection', why));
    this.#waiting.clear();
    queueMicrotask(() => this.#machine.dead || this.#listener.closed(why));
  }

  #back(act: () => void): void {
    this.#cross('back', () => this.#hear(act));
  }

  /** Who is suspended hears when it wakes up. */
  #hear(act: () => void): void {
    const late = this.#machine.suspendedUntil - this.#world.now;
    if (late > 0) this.#world.after(late, () => this.#hear(act));
    else if (!this.#clientClosed && !this.#machine.dead) act();
  }

  #cross(way: 'there' | 'back', act: () => void): void {
    const { random, calm, now } = this.#world;
    const slow = !calm && random.fraction() < 0.03 ? 2_000 : 20;
    const at = Math.max(this.#arrivals[way], now, this.#machine.cutUntil) + random.fraction() * slow;
    this.#arrivals[way] = at;
    this.#world.after(at - now, act);
  }
}

function node(): Node {
  return { data: new Uint8Array(), czxid: 0, owner: 0 };
}

function childrenOf(tree: Tree, path: string): string[] {
  return [...tree.keys()].filter((key) => key.startsWith(`${path}/`)).map((key) => key.slice(path.length + 1));
}

function changed(
  { tree, path, children }: { readonly tree: Tree; readonly path: string; readonly children: boolean },
  now: Tree,
): boolean {
  if (!children) return tree.get(path) !== now.get(path);
  return childrenOf(tree, path).join() !== childrenOf(now, path).join();
}
