import assert from 'node:assert/strict';
import { formatResources, isRole, isRoleWithin, parseResources, RoleSchema } from '@mesos-ts/protocol';
import { Value } from '@sinclair/typebox/value';
import fc from 'fast-check';
import t from 'tap';

t.test('a role is * or a path of names', async (t) => {
  for (const role of ['*', 'a', 'eng/prod/web', '.a', 'a/...', '_', 'a-b', 'a@b', 'constructor', 'x'.repeat(255)])
    t.ok(isRole(role), role);
});

t.test('no part of a path is empty, . or .. or *, or begins with -', async (t) => {
  for (const part of ['', '.', '..', '*', '**', '-', '-a'])
    for (const role of [part, `${part}/a`, `a/${part}`, `a/${part}/b`])
      t.equal(isRole(role), role === '*', JSON.stringify(role));
});

t.test('no role holds what a text form gives a meaning to, or cannot be shown', async (t) => {
  for (const character of [
    '(',
    ')',
    '*',
    ',',
    ':',
    ';',
    '=',
    '\\',
    '"',
    "'",
    '`',
    ' ',
    '\t',
    '\n',
    '\b',
    '\u0000',
    'é',
  ])
    for (const role of [character, `a${character}`, `${character}a`, `a/b${character}c`])
      t.equal(isRole(role), role === '*', JSON.stringify(role));
  t.notOk(isRole('x'.repeat(256)), 'it is of 255 characters at most');
  t.notOk(isRole(`${'a/'.repeat(127)}ab`), 'all parts together');
});

t.test('a role is within itself and those above it', async (t) => {
  t.ok(isRoleWithin('eng', 'eng'));
  t.ok(isRoleWithin('eng/prod/web', 'eng/prod'));
  t.ok(isRoleWithin('eng/prod/web', 'eng'));
  t.notOk(isRoleWithin('eng', 'eng/prod'));
  t.notOk(isRoleWithin('engine', 'eng'));
  t.notOk(isRoleWithin('engine/a', 'eng'));
  t.notOk(isRoleWithin('a/eng', 'eng'));
  t.notOk(isRoleWithin('eng', '*'));
});

const characters = fc.constantFrom(...'ab/.-*_ (:;'.split(''));
const text = fc.string({ unit: characters, maxLength: 9 });

t.test('of any text, the schema says the same, and a role may stand in the text of resources', async () => {
  fc.assert(
    fc.property(text, (role) => {
      assert.equal(Value.Check(RoleSchema, role), isRole(role));
      const legal = role.split('/').every((part) => !['', '.', '..'].includes(part) && /^[ab._][ab._-]*$/.test(part));
      assert.equal(isRole(role), role === '*' || legal);
      if (!isRole(role)) return;
      const resources = [{ name: 'cpus', role, scalar: 4_000 }];
      assert.deepEqual(parseResources(formatResources(resources)), resources);
    }),
    { numRuns: 2_000, seed: 1 },
  );
});

t.test('of any two roles, one is within the other where its path begins with all of it', async () => {
  const role = fc.array(fc.constantFrom('a', 'b', 'ab'), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(role, role, (one, other) => {
      const begins = other.every((part, index) => one[index] === part);
      assert.equal(isRoleWithin(one.join('/'), other.join('/')), begins);
    }),
    { numRuns: 2_000, seed: 1 },
  );
});
