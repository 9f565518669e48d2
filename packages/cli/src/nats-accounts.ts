import { registryStream, registrySubject } from '@mesos-ts/master';

/** A Node of a secure cluster, as its NATS server knows it: by public keys. */
export interface ClusterMember {
  readonly name: string;
  readonly role: Role;
  readonly key: string;
  /** Masters only: of the connection on which they contend for leadership. */
  readonly electionKey?: string;
}

export type Role = 'master' | 'agent' | 'framework';

/** Names that no Node may have: they would overlap with what the server itself says in a cluster. */
export const reservedNames: readonly string[] = ['kv', 'conn', 'CONNECT', 'DISCONNECT', 'admin'];

/** Where everybody in the cluster's account hears the leader's renewals. */
export function leaderSubjectOf(cluster: string): string {
  return `${cluster}.kv.${registerSubject(cluster)}`;
}

/** What the replies to a candidate's requests begin with. */
export function electionInbox(name: string): string {
  return `_I.${name}`;
}

/**
 * Accounts of a server that trusts everybody, which are better than none: the server tells no one of the connections
 * outside of accounts. Whoever connects without a word is in the account of the cluster.
 */
export function openAccounts(cluster: string, jetstream: boolean): string {
  return `
accounts {
  ${systemAccount('MESOS')}
  MESOS {
    ${jetstream ? 'jetstream: enabled' : ''}
    users: [ { user: anyone, password: "" } ]
    imports: [ ${connectionEvents(cluster, 'MESOS')} ]
  }
}
no_auth_user: anyone
system_account: SYS
`;
}

/**
 * Accounts of a server with which no Node can speak for another, whatever it does:
 *
 * - MESOS is the cluster. A Node publishes only where its name is the last token of the subject, which is where receivers
 *   look for the sender, and hears only what is for it. Whom a Node tells to answer whom makes no difference: the server
 *   gives "no responders" to nobody but the one who asked.
 * - REG has JetStream, with which MESOS has nothing to do: whoever makes streams, or only asks JetStream something with
 *   another's subject for the answer, makes the *server* speak there, under any name. So masters enter it by a user of
 *   its own, and of REG's subjects only what streams republish is heard in MESOS. Among themselves, candidates can
 *   disturb an election, as anyone can who may write the lease.
 * - SYS has no users. Its events of connections in MESOS are heard there, and so are those in REG, by which candidates
 *   learn at once that the leader's ended. What they ask on `el.<cluster>.here.*` only the server answers.
 */
export function secureAccounts(cluster: string, members: readonly ClusterMember[], adminKey: string): string {
  const candidates = members.flatMap((member) => candidateUser(cluster, member));
  return `
accounts {
  ${systemAccount('MESOS', 'REG')}
  REG {
    jetstream: enabled
    users: [
      # makes the streams
      { nkey: ${adminKey} }
${candidates.join('\n')}
    ]
    exports: [ { stream: "kv.>", accounts: [MESOS] } ]
    imports: [ ${connectionEvents(cluster, 'REG')} ]
  }
  MESOS {
    users: [
${members.map((member) => nodeUser(cluster, member)).join('\n')}
    ]
    imports: [
      ${connectionEvents(cluster, 'MESOS')}
      { stream: { account: REG, subject: "kv.>" }, prefix: "${cluster}" }
    ]
  }
}
system_account: SYS
`;
}

function systemAccount(...accounts: string[]): string {
  const exported = accounts.map((name) => `{ stream: "$SYS.ACCOUNT.${name}.*", accounts: [${name}] }`);
  return `SYS { exports: [ ${exported.join(', ')} ] }`;
}

/**
 * The server says on `<cluster>.conn.CONNECT` and `<cluster>.conn.DISCONNECT` who came and went: JSON of which `server.id`
 * and `client.id` name the connection (a client finds its own in the server's greeting, `server_id` and `client_id`),
 * `client.name` is what the client calls itself, which proves nothing, and `client.user` its user or public nkey.
 */
function connectionEvents(cluster: string, account: 'MESOS' | 'REG'): string {
  return `{ stream: { account: SYS, subject: "$SYS.ACCOUNT.${account}.*" }, to: "${cluster}.conn.*" }`;
}

function nodeUser(cluster: string, { name, role, key }: ClusterMember): string {
  // Who starts under a taken name is answered in that name's inbox by the Node that has it, hence the second.
  const publish = {
    allow: [`${cluster}.*.${name}`, `${cluster}.${name}.i.${name}`],
    deny: [`${cluster}.conn.>`, `${cluster}.kv.>`],
  };
  const subscribe = { allow: [`${cluster}.${name}.>`, `${cluster}.conn.*`, leaderSubjectOf(cluster)] };
  return user(`${role} ${name}`, key, { publish, subscribe });
}

function candidateUser(cluster: string, { name, electionKey }: ClusterMember): string[] {
  if (electionKey === undefined) return [];
  const subject = registerSubject(cluster);
  const stream = `EL_${cluster}`;
  const presence = `el.${cluster}.here.*`;
  const publish = {
    allow: [
      subject,
      presence,
      `$JS.API.STREAM.INFO.${stream}`,
      `$JS.API.STREAM.MSG.GET.${stream}`,
      `${registrySubject(cluster)}.>`,
      ...['STREAM.INFO', 'STREAM.MSG.GET', 'STREAM.PURGE', 'CONSUMER.CREATE'].map(
        (call) => `$JS.API.${call}.${registryStream(cluster)}`,
      ),
      `$JS.API.CONSUMER.DELETE.${registryStream(cluster)}.*`,
      `$JS.FC.${registryStream(cluster)}.>`,
    ],
  };
  const subscribe = { allow: [`${electionInbox(name)}.>`, presence, `${cluster}.conn.*`, `kv.${subject}`] };
  return [user(`candidate ${name}`, electionKey, { publish, subscribe })];
}

function user(comment: string, key: string, permissions: object): string {
  // JSON is configuration, too.
  return `      # ${comment}\n      { nkey: ${key}, permissions: ${JSON.stringify(permissions)} }`;
}

/** What the election writes to; see the register of zk-election. */
function registerSubject(cluster: string): string {
  return `el.${cluster}.leader`;
}
