import { formatScalar, isRevocable, parseResources, type Quantities, unreservedRole } from '@mesos-ts/protocol';
import { UsageError } from './flags.js';

/** As `cpus:1.5;mem:64`; `none` where there is nothing. */
export function formatQuantities(quantities: Quantities): string {
  const entries = Object.entries(quantities).map(([name, thousandths]) => `${name}:${formatScalar(thousandths)}`);
  return entries.length === 0 ? 'none' : entries.join(';');
}

/** As `1.5 cpus and 64 mem`. */
export function sayQuantities(quantities: Quantities): string {
  return Object.entries(quantities)
    .map(([name, thousandths]) => `${formatScalar(thousandths)} ${name}`)
    .join(' and ');
}

/**
 * Reads `cpus:4;mem:1024`. What is 0 is kept: a limit may be.
 * @throws {UsageError} naming the flag, for what is no amount of a resource, reserved, or revocable: quota does not concern that.
 */
export function parseQuantities(flag: string, text: string): Quantities {
  try {
    const amounts = text
      .split(';')
      .filter((part) => part.trim() !== '')
      .map(parseQuantity);
    const names = amounts.map(([name]) => name);
    const twice = names.find((name, index) => names.indexOf(name) !== index);
    if (twice !== undefined) throw new TypeError(`${twice} is named twice`);
    return Object.fromEntries(amounts);
  } catch (error) {
    throw new UsageError(`${flag}: ${(error as Error).message}`);
  }
}

function parseQuantity(part: string): [string, number] {
  const zero = /^\s*([A-Za-z0-9_][A-Za-z0-9_./-]{0,127})\s*:\s*0*(?:\.0+)?\s*$/.exec(part);
  if (zero?.[1] !== undefined && /\d/.test(part.slice(part.indexOf(':')))) return [zero[1], 0];
  const [resource] = parseResources(part);
  if (resource === undefined || !('scalar' in resource) || resource.role !== unreservedRole || isRevocable(resource))
    throw new TypeError(`${JSON.stringify(part)} is not an amount such as cpus:4`);
  return [resource.name, resource.scalar];
}
