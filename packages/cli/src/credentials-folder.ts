import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { nodeNamePattern } from '@mesos-ts/process';
import { nkeys } from 'nats';
import type { NodeCredentialsFile } from './credentials.js';
import { UsageError } from './flags.js';
import {
  type ClusterMember,
  electionInbox,
  leaderSubjectOf,
  type Role,
  reservedNames,
  secureAccounts,
} from './nats-accounts.js';

/** Who is in a secure cluster: what its folder remembers, and all that its server needs to know. No secrets. */
interface Roll {
  readonly cluster: string;
  readonly adminKey: string;
  readonly members: readonly ClusterMember[];
}

const rollFile = 'nodes.json';

/**
 * The folder of a secure cluster's NATS server: who is in the cluster, the accounts made of that, and for each Node a
 * file with its credentials, which the server does not need: it may be moved to the Node's machine.
 *
 * The credentials are nkeys rather than passwords: the server knows only public keys, and what travels is a signature of
 * a challenge, so neither the server's configuration nor a wire without TLS gives them away.
 */
export class CredentialsFolder {
  readonly path: string;
  #roll: Roll;

  /**
   * Opens the folder of the cluster, or makes it (mode 0700) with credentials for an admin and nobody else.
   *
   * @throws {UsageError} where it is another cluster's, or a folder of something else.
   */
  static open(path: string, cluster: string): CredentialsFolder {
    checkName('cluster', cluster);
    const folder = resolve(path);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const roll = existsSync(join(folder, rollFile)) ? readRoll(folder, cluster) : undefined;
    if (roll === undefined && readdirSync(folder).length > 0)
      throw new UsageError(`--config-dir: ${folder} has something else in it: name a folder that is new or empty`);
    chmodSync(folder, 0o700);
    return new CredentialsFolder(folder, roll ?? newRoll(folder, cluster));
  }

  private constructor(path: string, roll: Roll) {
    this.path = path;
    this.#roll = roll;
  }

  get members(): readonly ClusterMember[] {
    return this.#roll.members;
  }

  get adminFile(): string {
    return credentialsFile(this.path, 'admin');
  }

  /** Where the credentials of a Node were written. */
  fileOf(name: string): string {
    return credentialsFile(this.path, name);
  }

  /** Makes credentials for those who have none. @throws {UsageError} for a name that cannot be, or has another role. */
  add(role: Role, names: readonly string[]): void {
    for (const name of names) checkMemberName(name);
    for (const name of names) {
      const known = this.members.find((member) => member.name === name);
      if (known === undefined) this.#save([...this.members, newMember(this.path, this.#roll.cluster, role, name)]);
      else if (known.role !== role) throw new UsageError(`${name} is the name of a ${known.role} already`);
    }
  }

  /** The server does not let them in any more once it has read the new accounts. @throws {UsageError} for a stranger. */
  revoke(names: readonly string[]): void {
    for (const name of names) {
      if (!this.members.some((member) => member.name === name))
        throw new UsageError(`--revoke: there is no ${JSON.stringify(name)} in ${this.path}`);
      this.#save(this.members.filter((member) => member.name !== name));
      rmSync(this.fileOf(name), { force: true });
    }
  }

  /** Writes `accounts.conf`, which any nats-server with JetStream can include, and returns what is in it. */
  writeAccounts(): string {
    const { cluster, members, adminKey } = this.#roll;
    const text = `# Written by \`mesos nats --secure\`, at each start, from ${rollFile}.\n${secureAccounts(cluster, members, adminKey)}`;
    write(join(this.path, 'accounts.conf'), text);
    return text;
  }

  #save(members: readonly ClusterMember[]): void {
    this.#roll = { ...this.#roll, members };
    writeRoll(this.path, this.#roll);
  }
}

function readRoll(folder: string, cluster: string): Roll {
  let roll: Roll;
  try {
    roll = JSON.parse(readFileSync(join(folder, rollFile), 'utf8')) as Roll;
    if (!Array.isArray(roll.members) || typeof roll.adminKey !== 'string') throw new TypeError('no roll');
  } catch {
    throw new UsageError(`--config-dir: ${join(folder, rollFile)} cannot be read: restore it, or name another folder`);
  }
  if (roll.cluster !== cluster)
    throw new UsageError(`--config-dir: ${folder} is of the cluster ${roll.cluster}: add --cluster ${roll.cluster}`);
  return roll;
}

function newRoll(folder: string, cluster: string): Roll {
  const { seed, key } = newKey();
  writeCredentials(folder, { cluster, node: 'admin', nkey: seed, leaderSubject: leaderSubjectOf(cluster) });
  const roll = { cluster, adminKey: key, members: [] };
  writeRoll(folder, roll);
  return roll;
}

function newMember(folder: string, cluster: string, role: Role, name: string): ClusterMember {
  const { seed, key } = newKey();
  const file = { cluster, node: name, nkey: seed, leaderSubject: leaderSubjectOf(cluster) };
  if (role !== 'master') {
    writeCredentials(folder, file);
    return { name, role, key };
  }
  const candidate = newKey();
  writeCredentials(folder, { ...file, election: { nkey: candidate.seed, inboxPrefix: electionInbox(name) } });
  return { name, role, key, electionKey: candidate.key };
}

function newKey(): { readonly seed: string; readonly key: string } {
  const pair = nkeys.createUser();
  return { seed: new TextDecoder().decode(pair.getSeed()), key: pair.getPublicKey() };
}

function credentialsFile(folder: string, name: string): string {
  return join(folder, `${name}.creds.json`);
}

function writeCredentials(folder: string, content: NodeCredentialsFile): void {
  write(credentialsFile(folder, content.node), `${JSON.stringify(content, undefined, 2)}\n`);
}

function writeRoll(folder: string, roll: Roll): void {
  write(join(folder, rollFile), `${JSON.stringify(roll, undefined, 2)}\n`);
}

/** For the owner's eyes only, and never half. */
function write(file: string, text: string): void {
  const part = `${file}.part`;
  rmSync(part, { force: true });
  writeFileSync(part, text, { mode: 0o600, flag: 'wx' });
  renameSync(part, file);
}

function checkMemberName(name: string): void {
  checkName('Node', name);
  if (reservedNames.includes(name)) throw new UsageError(`no Node can be called ${name}: the server uses that itself`);
}

function checkName(what: string, name: string): void {
  if (!nodeNamePattern.test(name))
    throw new UsageError(`${JSON.stringify(name)} cannot be a ${what}'s name: use letters, digits, - and _`);
}
