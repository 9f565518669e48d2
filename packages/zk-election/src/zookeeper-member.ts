import { isIPv4 } from 'node:net';
import { type FaultDomain, FaultDomainSchema, type MasterInfo, MasterInfoSchema } from '@mesos-ts/protocol';
import { type Static, Type } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import { faultOf, type ZookeeperConnection } from './zookeeper-connection.js';

/** What a node of the group was found to hold. */
export type Member =
  /** A master of this project; `epoch` is there once it leads. */
  | { readonly type: 'ours'; readonly info: MasterInfo; readonly epoch?: number }
  /** A master of the original, to which nobody here can speak. */
  | { readonly type: 'mesos'; readonly where: string }
  /** No client of the original would take it for a master either. */
  | { readonly type: 'garbage'; readonly why: string };

/** What the node of a member is called, before ten digits that count up. */
export const memberPrefix = 'json.info_';
/** The members of older versions are binary; what is in them is not read here. */
const binaryPrefix = 'info_';
const nameExpression = /^(.*_)(\d{10,19})$/;

/** Ours: what clients of the original pass over as unknown. */
const OursSchema = Type.Object({
  pid: Type.String(),
  address: Type.Optional(Type.Unknown()),
  epoch: Type.Optional(Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER - 1 })),
});
/** As the original lays it out; what is not laid out so is passed over. */
const DomainSchema = Type.Object({
  fault_domain: Type.Object({
    region: Type.Object({ name: FaultDomainSchema.properties.region }),
    zone: Type.Object({ name: FaultDomainSchema.properties.zone }),
  }),
});
const RecordSchema = Type.Object({
  hostname: Type.Optional(Type.String({ maxLength: 255 })),
  pid: Type.Optional(Type.String({ maxLength: 500 })),
  mesos_ts: Type.Optional(OursSchema),
});

/** The number in the name of a member's node, and whether its label says that JSON is in it; undefined for all others. */
export function sequenceOf(name: string): { readonly sequence: number; readonly json: boolean } | undefined {
  const [, label, digits] = nameExpression.exec(name) ?? [];
  if (label !== memberPrefix && label !== binaryPrefix) return undefined;
  return { sequence: Number(digits), json: label === memberPrefix };
}

/**
 * What a member of the group writes in its node: the MasterInfo of the original in its JSON (Mesos facts 6.2), so that
 * any client of Mesos finds where HTTP is answered, and beside it who we are. Without an address there, port and IP are 0.
 *
 * @param epoch once it leads.
 */
export function encodeMember(info: MasterInfo, epoch?: number): Uint8Array {
  const { id, pid, hostname, version, domain, address = { hostname, ip: '0.0.0.0', port: 0 } } = info;
  const host = address.ip.includes(':') ? `[${address.ip}]` : address.ip;
  const record = {
    address,
    capabilities: [],
    ...(domain === undefined ? {} : { domain: encodeDomain(domain) }),
    hostname,
    id,
    ip: ipNumber(address.ip),
    pid: `master@${host}:${address.port}`,
    port: address.port,
    version,
    mesos_ts: { pid, ...(info.address === undefined ? {} : { address }), ...(epoch === undefined ? {} : { epoch }) },
  };
  return new TextEncoder().encode(JSON.stringify(record));
}

/** Reads the node of a member; never throws. */
export function decodeMember(name: string, data: Uint8Array): Member {
  if (!sequenceOf(name)?.json) return binaryMember(data);
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(data));
  } catch {
    return { type: 'garbage', why: `${data.length} bytes that are not JSON` };
  }
  if (!Value.Check(RecordSchema, json)) return { type: 'garbage', why: 'JSON that is no MasterInfo' };
  return json.mesos_ts === undefined ? mesosMember(json) : ourMember(json, json.mesos_ts);
}

/** The member in a node of the group. @param changed is called when the node is written or goes. */
export async function readMember(
  connection: ZookeeperConnection,
  path: string,
  name: string,
  changed?: () => void,
): Promise<Member | 'gone'> {
  try {
    const { data } = await connection.get(`${path}/${name}`, changed);
    return decodeMember(name, data);
  } catch (error) {
    if (faultOf(error) === 'noNode') return 'gone';
    throw error;
  }
}

function binaryMember(data: Uint8Array): Member {
  if (data.length === 0) return { type: 'garbage', why: 'nothing' };
  return { type: 'mesos', where: 'a place that it tells in binary form, as old versions do' };
}

function mesosMember({ pid, hostname }: Static<typeof RecordSchema>): Member {
  if (pid === undefined || hostname === undefined) return { type: 'garbage', why: 'JSON that is no MasterInfo' };
  return { type: 'mesos', where: `${pid} on ${hostname}` };
}

/** The address is ours only where we said that there is one: the place of the original's is filled in any case. */
function ourMember(json: Static<typeof RecordSchema>, ours: Static<typeof OursSchema>): Member {
  const { id, hostname, version, domain } = json as Record<string, unknown>;
  const { pid, address, epoch } = ours;
  const info = { id, pid, hostname, version, ...(address === undefined ? {} : { address }), ...decodeDomain(domain) };
  if (!Value.Check(MasterInfoSchema, info)) return { type: 'garbage', why: 'JSON that is no MasterInfo of ours' };
  return { type: 'ours', info: info as MasterInfo, ...(epoch === undefined ? {} : { epoch }) };
}

function encodeDomain({ region, zone }: FaultDomain): Static<typeof DomainSchema> {
  return { fault_domain: { region: { name: region }, zone: { name: zone } } };
}

function decodeDomain(json: unknown): { readonly domain?: FaultDomain } {
  if (!Value.Check(DomainSchema, json)) return {};
  const { region, zone } = json.fault_domain;
  return { domain: { region: region.name, zone: zone.name } };
}

/** As the original has it: the four bytes in the order of the network, read as a number of a little-endian machine. */
function ipNumber(ip: string): number {
  if (!isIPv4(ip)) return 0;
  const bytes = ip.split('.').map(Number);
  return bytes.reduceRight((sum, byte) => sum * 256 + byte, 0);
}
