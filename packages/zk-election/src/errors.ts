import { shownAddress } from './shown-address.js';

/** What every error of this package is. `code` never changes; the message is for people and may. */
export abstract class ElectionError extends Error {
  abstract readonly code: string;
}

/** The contender or detector was closed while, or before, it was asked. */
export class ElectionClosed extends ElectionError {
  override readonly name = 'ElectionClosed';
  readonly code = 'ELECTION_CLOSED';

  constructor(what: 'contender' | 'detector') {
    super(`the ${what} was closed`);
  }
}

/** `contend` was called on a contender that already contends or leads. */
export class AlreadyContending extends ElectionError {
  override readonly name = 'AlreadyContending';
  readonly code = 'ELECTION_ALREADY_CONTENDING';

  constructor() {
    super('this contender already contends or leads: wait for `lost`, or make another one');
  }
}

/** The text does not name an election, or names one of a kind that cannot serve here. */
export class ElectionAddressInvalid extends ElectionError {
  override readonly name = 'ElectionAddressInvalid';
  readonly code = 'ELECTION_ADDRESS_INVALID';

  /** The address as it may be shown. */
  readonly address: string;

  constructor(text: string, why: string) {
    const address = shownAddress(text);
    super(
      `not an election address: ${JSON.stringify(address.slice(0, 200))}: ${why}; ` +
        'expected nats://host:port[,host:port...]/cluster, zk://[user:password@]host:port[,host:port...]/path, ' +
        'or `standalone` (masters), or master@node or host:port of one master (everyone else)',
    );
    this.address = address;
  }
}

/** No NATS server could be reached at the first attempt. Later losses of the connection are waited out instead. */
export class NatsUnreachable extends ElectionError {
  override readonly name = 'NatsUnreachable';
  readonly code = 'ELECTION_NATS_UNREACHABLE';

  constructor(
    readonly servers: readonly string[],
    options: ErrorOptions,
  ) {
    super(
      `cannot reach a NATS server at ${servers.join(' or ')} (${reason(options.cause)}): ` +
        'start one with `mesos nats`, or correct the address',
      options,
    );
  }
}

/** The NATS server was reached and turned us away. */
export class NatsRefused extends ElectionError {
  override readonly name = 'NatsRefused';
  readonly code = 'ELECTION_NATS_REFUSED';

  constructor(
    readonly servers: readonly string[],
    options: ErrorOptions,
  ) {
    super(
      `the NATS server at ${servers.join(' or ')} refused the connection (${reason(options.cause)}): ` +
        'check the credentials, or user, password or token',
      options,
    );
  }
}

/** The NATS server has no JetStream, in general or for our account. */
export class JetStreamMissing extends ElectionError {
  override readonly name = 'JetStreamMissing';
  readonly code = 'ELECTION_NO_JETSTREAM';

  constructor(
    readonly server: string,
    options: ErrorOptions = {},
  ) {
    super(
      `the NATS server at ${server} has no JetStream, which election needs: start it with \`nats-server -js\` or ` +
        '`mesos nats`, or run one master with --election=standalone',
      options,
    );
  }
}

/** The stream that holds the leader's record could not be read, made or written. */
export class RegisterUnusable extends ElectionError {
  override readonly name = 'RegisterUnusable';
  readonly code = 'ELECTION_REGISTER_UNUSABLE';

  constructor(
    readonly stream: string,
    why: string,
    options: ErrorOptions = {},
  ) {
    super(`the stream ${stream}, which holds who leads, cannot be used: ${why}`, options);
  }
}

/** The connection to NATS ended for good, though we did not close it. */
export class NatsConnectionEnded extends ElectionError {
  override readonly name = 'NatsConnectionEnded';
  readonly code = 'ELECTION_NATS_ENDED';

  constructor(
    readonly servers: readonly string[],
    options: ErrorOptions,
  ) {
    super(`the connection to NATS at ${servers.join(' or ')} ended for good (${reason(options.cause)})`, options);
  }
}

/** No ZooKeeper server could be reached at the first attempt. Later losses of the connection are waited out instead. */
export class ZookeeperUnreachable extends ElectionError {
  override readonly name = 'ZookeeperUnreachable';
  readonly code = 'ELECTION_ZOOKEEPER_UNREACHABLE';

  constructor(
    readonly servers: readonly string[],
    why: string,
  ) {
    super(
      `cannot reach a ZooKeeper server at ${servers.join(' or ')} (${why}): start one, or correct the address; ` +
        'servers without a port are asked on 2181',
    );
  }
}

/** ZooKeeper was reached and does not let us take part in this election. */
export class ZookeeperRefused extends ElectionError {
  override readonly name = 'ZookeeperRefused';
  readonly code = 'ELECTION_ZOOKEEPER_REFUSED';

  constructor(
    readonly path: string,
    why: string,
  ) {
    super(
      `ZooKeeper does not let us hold the election at ${path} (${why}): check user and password, or the ACL of that ` +
        'node and those above it',
    );
  }
}

function reason(cause: unknown): string {
  return cause instanceof Error ? cause.message : 'no reason given';
}
