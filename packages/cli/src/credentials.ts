import { readFileSync } from 'node:fs';
import { type Authenticator, type ConnectionOptions, credsAuthenticator, nkeyAuthenticator } from 'nats';
import { UsageError } from './flags.js';

/** What a process shows a NATS server to be let in, and what it is allowed to be there. */
export interface Credentials {
  /** How the Node connects. Holds secrets: not for logs. */
  readonly connection: ConnectionOptions;
  /** How a candidate for leadership connects; the same unless the file says otherwise. Holds secrets, too. */
  readonly election: ConnectionOptions;
  /** The only name that the server lets this Node have; undefined where the file does not say. */
  readonly node?: string;
  /** The only cluster where the server lets it speak; undefined where the file does not say. */
  readonly cluster?: string;
  /** Where it hears who leads, as it may not read the election's stream; undefined where it may. */
  readonly leaderSubject?: string;
}

/** A file that `mesos nats --secure` writes for one Node, as JSON. The nkeys are seeds: the private half. */
export interface NodeCredentialsFile {
  readonly cluster: string;
  readonly node: string;
  readonly nkey: string;
  readonly leaderSubject: string;
  /** Masters only: a user of the account that holds the election. */
  readonly election?: { readonly nkey: string; readonly inboxPrefix: string };
}

/**
 * Reads a credentials file, whatever its kind: one of `mesos nats --secure`; JSON with `user` and `password`, or `token`;
 * an nkey seed (`SU...`, among comments or not); or a creds file, which holds a JWT and its seed.
 *
 * @throws {UsageError} naming the file, but never what is in it.
 */
export function readCredentials(file: string): Credentials {
  const text = readText(file);
  try {
    return parseCredentials(text);
  } catch (error) {
    // Nothing of the error either: parsers like to quote what they could not read.
    const why = error instanceof CredentialsProblem ? error.message : 'something in it is not as it should be';
    throw new UsageError(
      `--credentials: ${file} cannot be used: ${why}; it takes a file that \`mesos nats --secure\` wrote, JSON with user ` +
        'and password or with token, an nkey seed, or a creds file',
    );
  }
}

/** What is wrong, in words that hold no secret. */
class CredentialsProblem extends Error {}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new UsageError(
      `--credentials: cannot read ${file}: ${(error as NodeJS.ErrnoException).code ?? 'unreadable'}`,
    );
  }
}

function parseCredentials(text: string): Credentials {
  if (text.trimStart().startsWith('{')) return fromJson(JSON.parse(text) as Record<string, unknown>);
  if (text.includes('-----BEGIN NATS USER JWT-----')) {
    const bytes = new TextEncoder().encode(text);
    return same({ authenticator: tried(credsAuthenticator(bytes)) });
  }
  const seed = /^\s*(SU[A-Z2-7]{56})\s*$/m.exec(text)?.[1];
  if (seed === undefined) throw new CredentialsProblem('it is of no known kind');
  return same({ authenticator: nkey(seed) });
}

function fromJson(json: Record<string, unknown>): Credentials {
  if (typeof json.nkey === 'string') return ofNode(json);
  if (typeof json.token === 'string') return same({ token: json.token });
  if (typeof json.user === 'string' && typeof json.password === 'string')
    return same({ user: json.user, pass: json.password });
  throw new CredentialsProblem('it has neither nkey, nor token, nor user and password');
}

function ofNode(json: Record<string, unknown>): Credentials {
  const cluster = textOf(json, 'cluster');
  const node = textOf(json, 'node');
  const connection = { authenticator: nkey(textOf(json, 'nkey')), inboxPrefix: `${cluster}.${node}.i` };
  const { election } = json;
  const forElection = typeof election === 'object' && election !== null ? election : undefined;
  return {
    connection,
    election: forElection === undefined ? connection : electionOf(forElection as Record<string, unknown>),
    cluster,
    node,
    leaderSubject: textOf(json, 'leaderSubject'),
  };
}

function electionOf(json: Record<string, unknown>): ConnectionOptions {
  return { authenticator: nkey(textOf(json, 'nkey')), inboxPrefix: textOf(json, 'inboxPrefix') };
}

function textOf(json: Record<string, unknown>, field: string): string {
  const value = json[field];
  if (typeof value !== 'string' || value === '') throw new CredentialsProblem(`its field ${field} is missing`);
  return value;
}

function same(connection: ConnectionOptions): Credentials {
  return { connection, election: connection };
}

function nkey(seed: string): Authenticator {
  return tried(nkeyAuthenticator(new TextEncoder().encode(seed)));
}

/** Signs something once, so that a broken seed is told of now and not as a refusal by the server. */
function tried(authenticator: Authenticator): Authenticator {
  try {
    authenticator('nonce');
  } catch {
    throw new CredentialsProblem('its nkey seed is not one');
  }
  return authenticator;
}
