import type { DeepReadonly } from '@mesos-ts/process';
import { type Static, Type } from '@sinclair/typebox';

/** A name of a place, as it stands on both sides of the `/`. */
const placeExpression = /^(?! )(?:(?!\/)[ -~]){1,128}(?<! )$/;
const PlaceSchema = Type.String({ pattern: placeExpression.source });

/** Where a machine stands: in a zone of a region. What is in one zone may fail together (Mesos facts 4.7). */
export const FaultDomainSchema = Type.Object({ region: PlaceSchema, zone: PlaceSchema });
export type FaultDomain = DeepReadonly<Static<typeof FaultDomainSchema>>;

/** Reads `region/zone`. @throws {TypeError} for any other text. */
export function parseFaultDomain(text: string): FaultDomain {
  const [region = '', zone = '', ...more] = text.split('/').map((name) => name.trim());
  if (more.length > 0 || !placeExpression.test(region) || !placeExpression.test(zone))
    throw new TypeError(
      `${JSON.stringify(text.slice(0, 300))} is not region/zone, both of 1 to 128 printable ASCII characters`,
    );
  return { region, zone };
}
