// The network: a directory of accounts in memory and a personal data server, both real, both on loopback.
// Prints one JSON line with the server's address and ends by SIGTERM. Arguments: where both are installed, where the
// data goes.

import { createRequire } from 'node:module';
import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';

const [installed, data] = process.argv.slice(2);
const require = createRequire(`${installed}/package.json`);
const plc = require('@did-plc/server');
const { PDS, envToCfg, envToSecrets } = require('@atproto/pds');
const { freePort } = await import('./port.mjs');

mkdirSync(data, { recursive: true });

const directoryPort = await freePort();
const directory = plc.PlcServer.create({ db: plc.Database.mock(), port: directoryPort });
await directory.start();

const port = await freePort();
const adminPassword = randomBytes(8).toString('hex');
const env = {
  port,
  hostname: 'localhost',
  devMode: true,
  serviceHandleDomains: ['.test'],
  inviteRequired: false,
  adminPassword,
  jwtSecret: randomBytes(16).toString('hex'),
  plcRotationKeyK256PrivateKeyHex: randomBytes(32).toString('hex'),
  didPlcUrl: `http://127.0.0.1:${directoryPort}`,
  dataDirectory: data,
  blobstoreDiskLocation: `${data}/blob`,
  crawlers: [],
  disableSsrfProtection: true,
};
const server = await PDS.create(envToCfg(env), envToSecrets(env));
await server.start();
console.log(JSON.stringify({ pds: `http://127.0.0.1:${port}`, adminPassword }));

process.on('SIGTERM', async () => {
  await server.destroy();
  await directory.destroy();
  process.exit(0);
});
