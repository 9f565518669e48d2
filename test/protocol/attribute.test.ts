import { AttributeSchema, FaultDomainSchema, parseAttributes, parseFaultDomain } from '@mesos-ts/protocol';
import { Value } from '@sinclair/typebox/value';
import t from 'tap';

t.test('attributes are read from name:text, with blanks around them', async (t) => {
  t.strictSame(parseAttributes('rack:a;zone:b'), [
    { name: 'rack', text: 'a' },
    { name: 'zone', text: 'b' },
  ]);
  t.strictSame(parseAttributes(' ; rack : a b ;;'), [{ name: 'rack', text: 'a b' }]);
  t.strictSame(
    parseAttributes('url:http://h:80/x'),
    [{ name: 'url', text: 'http://h:80/x' }],
    'the first colon counts',
  );
  t.strictSame(parseAttributes(''), []);
  t.equal(parseAttributes('rack:a;rack:b;rack:a').length, 2, 'a name may have several texts, each once');
  for (const attribute of parseAttributes('rack:a;A_b-c.d:!~')) t.ok(Value.Check(AttributeSchema, attribute));
});

t.test('attributes that cannot be read are refused with the one that is wrong', async (t) => {
  const wrong: [string, string][] = [
    ['rack', 'the attribute "rack" is not name:text'],
    ['a:b;rack;c:d', 'the attribute "rack" is not name:text'],
    [':a', 'the attribute ":a" needs a name of 1 to 128 of A-Z a-z 0-9 _ . -'],
    ['-a:b', 'the attribute "-a:b" needs a name of 1 to 128 of A-Z a-z 0-9 _ . -'],
    ['a b:c', 'the attribute "a b:c" needs a name of 1 to 128 of A-Z a-z 0-9 _ . -'],
    ['rack:', 'the attribute "rack:" needs a text of 1 to 255 printable ASCII characters'],
    ['rack:ü', 'the attribute "rack:ü" needs a text of 1 to 255 printable ASCII characters'],
    ['rack:a\tb', 'the attribute "rack:a\\tb" needs a text of 1 to 255 printable ASCII characters'],
  ];
  for (const [text, message] of wrong) t.throws(() => parseAttributes(text), { name: 'TypeError', message });
  t.throws(() => parseAttributes(`a:${'x'.repeat(256)}`), { message: /needs a text of 1 to 255/ });
  const many = Array.from({ length: 257 }, (_, index) => `a:${index}`).join(';');
  t.throws(() => parseAttributes(many), { message: '257 attributes are more than the 256 that an agent may have' });
});

t.test('a place is region/zone', async (t) => {
  t.strictSame(parseFaultDomain('eu/eu-1'), { region: 'eu', zone: 'eu-1' });
  t.strictSame(parseFaultDomain(' north sea / a '), { region: 'north sea', zone: 'a' });
  t.ok(Value.Check(FaultDomainSchema, parseFaultDomain('a/b')));
  for (const text of ['', 'eu', 'eu/', '/a', ' / ', 'a/b/c', 'ü/a', 'a/\n', `a/${'x'.repeat(129)}`]) {
    t.throws(() => parseFaultDomain(text), { name: 'TypeError', message: /is not region\/zone/ }, JSON.stringify(text));
    const [region, zone] = text.split('/');
    if (text !== 'a/b/c') t.notOk(Value.Check(FaultDomainSchema, { region, zone }), JSON.stringify(text));
  }
});
