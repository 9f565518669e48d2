import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, isIPv4, isIPv6 } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { MasterAddress, MasterInfo } from '@mesos-ts/protocol';
import type { Logger } from 'pino';

/** Where a master is to answer HTTP. */
export interface MasterHttpOptions {
  /** The address of this machine to listen on; `0.0.0.0` and `::` are all of them. */
  readonly ip: string;
  /** 0: any that is free. */
  readonly port: number;
}

/** How a master is doing, as it tells it to whoever asks. */
export interface MasterHealth {
  /** Elected but not yet in possession of the registry: recovering. */
  readonly state: 'standby' | 'recovering' | 'leading';
  /** Of its leadership, while there is one. */
  readonly epoch?: number;
  readonly master: MasterInfo;
  /** Who leads, as far as can be seen from here. */
  readonly leader?: MasterInfo;
}

/** An address that a master cannot answer HTTP on. `code` never changes; the message is for people and may. */
export class HttpAddressUnusable extends Error {
  override readonly name = 'HttpAddressUnusable';
  readonly code = 'MASTER_HTTP_ADDRESS_UNUSABLE';

  constructor({ ip, port }: MasterHttpOptions, options: { readonly cause: NodeJS.ErrnoException }) {
    super(`cannot answer HTTP on ${authority(ip, port)}: ${whyUnusable(options.cause)}`, options);
  }
}

/** Nobody who asks these two questions has more to say, or needs longer to say it. */
const limits = { maxHeaderSize: 8_192, headersTimeout: 5_000, requestTimeout: 5_000, keepAliveTimeout: 5_000 };
const connectionsMax = 256;

/**
 * What a master tells over HTTP, whether it leads or not (Mesos facts 3.12): `/health`, always 200, with its
 * {@link MasterHealth} as JSON, and `/redirect`, which leads to whoever leads: 307, or 503 while nobody is known to. Both also
 * under `/master`, as in the original. Takes nothing from those who ask but the path.
 */
export class MasterHttp {
  /** What others are to call it by; goes into MasterInfo. */
  readonly address: MasterAddress;
  readonly #server: Server;

  /** @throws {HttpAddressUnusable} where the port is taken, or the address is not of this machine. */
  static async start(
    options: MasterHttpOptions & { readonly hostname: string; readonly log: Logger },
    health: () => MasterHealth | undefined,
  ): Promise<MasterHttp> {
    const server = createServer(limits, (request, response) => answer(request, response, health));
    server.maxConnections = connectionsMax;
    await new Promise<void>((resolve, reject) => {
      server.once('error', (cause) => reject(new HttpAddressUnusable(options, { cause })));
      server.listen({ host: options.ip, port: options.port }, resolve);
    });
    server.on('error', (err) => options.log.error({ err }, 'the HTTP server failed'));
    return new MasterHttp(server, addressOf(options, (server.address() as AddressInfo).port));
  }

  private constructor(server: Server, address: MasterAddress) {
    this.#server = server;
    this.address = address;
  }

  /** Ends at once what is being asked. */
  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }
}

function answer(request: IncomingMessage, response: ServerResponse, health: () => MasterHealth | undefined): void {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    // What else it sends is not read.
    response.writeHead(405, { allow: 'GET, HEAD', connection: 'close' }).end();
    return;
  }
  const path = (request.url ?? '').split('?', 1)[0];
  if (path === '/health' || path === '/master/health') tellHealth(response, health());
  else if (path === '/redirect' || path === '/master/redirect') redirect(response, health()?.leader?.address);
  else tell(response, 404, 'text/plain', 'not found: a master answers /health and /redirect\n');
}

function tellHealth(response: ServerResponse, health: MasterHealth | undefined): void {
  if (health === undefined) tell(response, 503, 'text/plain', 'starting\n');
  else tell(response, 200, 'application/json', `${JSON.stringify(health)}\n`);
}

/** As the original does, without a scheme: whoever came by HTTPS stays with it. */
function redirect(response: ServerResponse, leader: MasterAddress | undefined): void {
  const host = leader === undefined ? undefined : hostOf(leader);
  if (leader === undefined || host === undefined) tell(response, 503, 'text/plain', 'no leading master is known\n');
  else response.writeHead(307, { location: `//${authority(host, leader.port)}`, 'content-length': 0 }).end();
}

function tell(response: ServerResponse, code: number, type: string, body: string): void {
  const headers = { 'content-type': type, 'content-length': Buffer.byteLength(body), 'cache-control': 'no-store' };
  response.writeHead(code, headers).end(body);
}

/** Another master says how it is called: what is no name of a host must not get into a header. */
function hostOf({ hostname, ip }: MasterAddress): string | undefined {
  if (/^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$/.test(hostname) || isIPv6(hostname)) return hostname;
  return isIPv4(ip) || isIPv6(ip) ? ip : undefined;
}

function authority(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Who listens on the loopback alone cannot be reached by the name of the machine. */
function addressOf({ ip, hostname }: MasterHttpOptions & { readonly hostname: string }, port: number): MasterAddress {
  const everywhere = ip === '0.0.0.0' || ip === '::';
  const told = everywhere ? (firstAddress() ?? '127.0.0.1') : ip;
  return { hostname: isLoopback(ip) ? ip : hostname, ip: told, port };
}

function firstAddress(): string | undefined {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return all.find(({ family, internal }) => family === 'IPv4' && !internal)?.address;
}

function isLoopback(ip: string): boolean {
  return ip.startsWith('127.') || ip === '::1';
}

function whyUnusable({ code, message }: NodeJS.ErrnoException): string {
  if (code === 'EADDRINUSE') return 'the port is taken: give another with --port, or 0 for any that is free';
  if (code === 'EADDRNOTAVAIL') return 'this machine has no such address: correct --ip';
  if (code === 'EACCES') return 'the system does not let us use that port: give one above 1023 with --port';
  return message;
}
