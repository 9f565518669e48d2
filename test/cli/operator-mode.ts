import { nkeys } from 'nats';

type KeyPair = ReturnType<typeof nkeys.createUser>;

/** A server's configuration in which accounts and users are JWTs, and creds files of a user it knows and of one it does not. */
export function operatorMode(): { config: string; creds: string; strangerCreds: string } {
  const operator = nkeys.createOperator();
  const account = nkeys.createAccount();
  const operatorJwt = jwt(operator, operator, { type: 'operator' });
  const accountJwt = jwt(operator, account, { type: 'account', limits: { ...unlimited, ...accountLimits } });
  const preload = `resolver_preload { ${account.getPublicKey()}: ${accountJwt} }`;
  return {
    config: `operator: ${operatorJwt}\nresolver: MEMORY\n${preload}`,
    creds: credsFile(account),
    strangerCreds: credsFile(nkeys.createAccount()),
  };
}

const unlimited = { subs: -1, data: -1, payload: -1 };
const accountLimits = { imports: -1, exports: -1, wildcards: true, conn: -1, leaf: -1 };

function credsFile(account: KeyPair): string {
  const user = nkeys.createUser();
  const token = jwt(account, user, { type: 'user', ...unlimited });
  const seed = new TextDecoder().decode(user.getSeed());
  return [
    '-----BEGIN NATS USER JWT-----',
    token,
    '------END NATS USER JWT------',
    '',
    '-----BEGIN USER NKEY SEED-----',
    seed,
    '------END USER NKEY SEED------',
    '',
  ].join('\n');
}

/** What `issuer` says of `subject`, signed. */
function jwt(issuer: KeyPair, subject: KeyPair, nats: object): string {
  const claims = {
    jti: 'for-tests-only',
    iat: 1_577_836_800,
    iss: issuer.getPublicKey(),
    sub: subject.getPublicKey(),
    name: 'for tests only',
    nats: { ...nats, version: 2 },
  };
  const text = `${encoded({ typ: 'JWT', alg: 'ed25519-nkey' })}.${encoded(claims)}`;
  return `${text}.${Buffer.from(issuer.sign(new TextEncoder().encode(text))).toString('base64url')}`;
}

function encoded(json: object): string {
  return Buffer.from(JSON.stringify(json)).toString('base64url');
}
