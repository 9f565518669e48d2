/**
 * - `RESOURCES_SYNTAX`: a text is not of the grammar.
 * - `RESOURCES_INVALID`: a number is negative, not whole or too large, a range ends before it begins, reserved
 *   resources stand where quantities are wanted, or something is revocable that cannot be.
 * - `RESOURCES_KIND`: one name is used for two kinds, such as a scalar and ranges.
 * - `RESOURCES_OVERFLOW`: a sum, or a number in a text, is beyond 2^53 - 1: up to there doubles hold whole numbers exactly.
 * - `RESOURCES_OVERLAP`: what is added is there already, such as a port that would be owned twice.
 * - `RESOURCES_NOT_CONTAINED`: what is subtracted is not there.
 * - `RESOURCES_TOO_MANY`: more entries, ranges or items than a message may carry.
 */
export type ResourcesErrorCode =
  | 'RESOURCES_SYNTAX'
  | 'RESOURCES_INVALID'
  | 'RESOURCES_KIND'
  | 'RESOURCES_OVERFLOW'
  | 'RESOURCES_OVERLAP'
  | 'RESOURCES_NOT_CONTAINED'
  | 'RESOURCES_TOO_MANY';

/** Resources that cannot be read, or an operation on them that would make the books wrong. */
export class ResourcesError extends Error {
  override readonly name = 'ResourcesError';

  constructor(
    readonly code: ResourcesErrorCode,
    problem: string,
    options?: ErrorOptions,
  ) {
    super(`resources: ${problem}`, options);
  }
}
