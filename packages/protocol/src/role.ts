import { Type } from '@sinclair/typebox';

/** The role of what is reserved for nobody. */
export const unreservedRole = '*';

/** No role may hold a character that a text form gives a meaning to. */
const part = '(?!-)(?!\\.{1,2}(?:/|$))(?:(?!["\'()*,/:;=\\\\`])[!-~])+';
const roleExpression = new RegExp(`^(?:\\*|(?=.{1,255}$)${part}(?:/${part})*)$`);

/** Whom resources are reserved for or allocated to: see {@link isRole}. */
export const RoleSchema = Type.String({ pattern: roleExpression.source });

/**
 * Whether `text` may be a role (Mesos facts 3.7): `*`, or a path such as `eng/prod` of at most 255 visible ASCII characters.
 * No part of it is empty, `.` or `..`, begins with `-`, or holds one of `( ) * , : ; = \` and quotes.
 */
export function isRole(text: string): boolean {
  return roleExpression.test(text);
}

/** Whether `role` is `ancestor` or stands below it: `eng/prod` is within `eng`, and `engine` is not. */
export function isRoleWithin(role: string, ancestor: string): boolean {
  return role === ancestor || (role.startsWith(ancestor) && role.charAt(ancestor.length) === '/');
}
