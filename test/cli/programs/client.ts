// Connects to the NATS server named on the command line, as whom the credentials file named next says or as nobody, prints
// what the server calls this connection, and then waits to be killed.
import { readFileSync } from 'node:fs';
import { connect, nkeyAuthenticator } from 'nats';

const [servers = '', file] = process.argv.slice(2);
const nkey = file === undefined ? undefined : (JSON.parse(readFileSync(file, 'utf8')) as { nkey: string }).nkey;
const connection = await connect({
  servers,
  name: 'victim',
  ...(nkey === undefined ? {} : { authenticator: nkeyAuthenticator(new TextEncoder().encode(nkey)) }),
});
await connection.flush();
console.log(`${connection.info?.server_id} ${connection.info?.client_id}`);
