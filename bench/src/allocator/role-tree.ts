/**
 * The first `count` roles of a tree, level by level from one at the top: paths such as `n0/n2/n1`, each with up to
 * `branching` roles below it.
 *
 * @throws {RangeError} where a tree of `height` levels has fewer.
 */
export function roleTree(count: number, branching: number, height: number): string[] {
  const roles: string[] = [];
  let level = ['n0'];
  for (let depth = 1; depth <= height; depth++) {
    roles.push(...level);
    level = level.flatMap((role) => Array.from({ length: branching }, (_, i) => `${role}/n${i}`));
  }
  if (roles.length < count) throw new RangeError(`${roles.length} roles in ${height} levels, not ${count}`);
  return roles.slice(0, count);
}
