import { Random } from '@mesos-ts/process';
import {
  LeaseContender,
  type LeaseOptions,
  natsRegister,
  type OpenRegister,
  type RegisterListener,
} from '@mesos-ts/zk-election';
import { within } from '../support/within.js';
import { clock, type World } from './nats-world.js';

/** A candidate whose looks a test can follow. */
export class Looking {
  readonly contender: LeaseContender;
  /** What was found, in order: `departed` for a connection that ended, `present` or `gone` for a look. */
  readonly found: string[] = [];
  readonly #watchers = new Set<() => void>();

  constructor(url: string, lease: LeaseOptions) {
    const random = Random.system();
    const open = natsRegister({ servers: [url], cluster: 'test', create: true, clock, random });
    this.contender = new LeaseContender({ clock, random, lease, open: this.#listening(open) });
  }

  /** One that ends with the world. */
  static in(world: World, lease: LeaseOptions): Looking {
    const looking = new Looking(world.server.url, lease);
    world.onEnd(() => looking.contender.close());
    return looking;
  }

  /** Resolves once that was found `times` times. */
  async finds(what: string, times = 1): Promise<void> {
    const enough = (): boolean => this.found.filter((one) => one === what).length >= times;
    const waiting = new Promise<void>((resolve) => {
      const look = (): void => {
        if (!enough()) return;
        this.#watchers.delete(look);
        resolve();
      };
      this.#watchers.add(look);
      look();
    });
    await within(`${what} ${times} times`, waiting);
  }

  #find(what: string): void {
    this.found.push(what);
    for (const watcher of this.#watchers) watcher();
  }

  #listening(open: OpenRegister): OpenRegister {
    return async (listener, candidate) => {
      const told: RegisterListener = {
        ...listener,
        departed: (connection) => {
          this.#find('departed');
          listener.departed?.(connection);
        },
      };
      const register = await open(told, candidate);
      return {
        read: () => register.read(),
        write: (record, expectedSeq) => register.write(record, expectedSeq),
        close: () => register.close(),
        present: async (here) => {
          const present = (await register.present?.(here)) ?? true;
          this.#find(present ? 'present' : 'gone');
          return present;
        },
      };
    };
  }
}
