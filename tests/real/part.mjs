// The parts of the scene: processes, started and stopped by their own ids; the people of the network; the daemon's API.

import { spawn } from 'node:child_process';
import { createWriteStream, existsSync, readFileSync } from 'node:fs';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

const running = new Set();

/** Starts a program. What it says goes to `log`; its first line to the caller of `line()`. */
export function start(command, args, log, env = {}) {
  const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  const out = createWriteStream(log, { flags: 'a' });
  child.stdout.pipe(out, { end: false });
  child.stderr.pipe(out, { end: false });
  const ended = new Promise((resolve) => {
    child.once('error', (error) => resolve({ error }));
    child.once('exit', (code, signal) => resolve({ code, signal }));
  }).then((how) => (running.delete(part), (part.how = how)));
  const part = {
    how: null,
    async line() {
      const [chunk] = await Promise.race([once(child.stdout, 'data'), ended.then(() => [''])]);
      if (part.how) throw new Error(`${command} did not start, see ${log}`);
      return chunk.toString().split('\n')[0];
    },
    async stop(signal = 'SIGTERM') {
      if (!part.how) child.kill(signal);
      return ended;
    },
  };
  running.add(part);
  return part;
}

export async function stopAll() {
  await Promise.all([...running].map((part) => part.stop()));
}

/** Asks until `ask` gives something true; `null` when it never does. */
export async function until(ask, seconds = 20) {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const found = await ask().catch(() => null);
    if (found || Date.now() > end) return found || null;
    await sleep(150);
  }
}

async function json(response) {
  const body = await response.text();
  if (!response.ok) throw new Error(`${response.status} of ${response.url}: ${body}`);
  return body ? JSON.parse(body) : null;
}

/** Somebody with an account on the server. */
export class Person {
  static async join(server, name) {
    const sent = { handle: `${name}.test`, email: `${name}@mail.example`, password: 'a password of the scene' };
    const session = await call(server, 'com.atproto.server.createAccount', sent);
    return Object.assign(new Person(), { server, handle: sent.handle, did: session.did, token: session.accessJwt });
  }

  write(collection, record) {
    const full = { $type: collection, createdAt: new Date().toISOString(), ...record };
    return call(this.server, 'com.atproto.repo.createRecord', { repo: this.did, collection, record: full }, this.token);
  }

  /** Returns the reference (uri and cid) of the post. */
  async post(text, more = {}) {
    const { uri, cid } = await this.write('app.bsky.feed.post', { text, langs: ['en'], ...more });
    return { uri, cid };
  }

  async edit({ uri }, text) {
    const record = { $type: 'app.bsky.feed.post', text, langs: ['en'], createdAt: new Date().toISOString() };
    return call(this.server, 'com.atproto.repo.putRecord', { ...this.place(uri), record }, this.token);
  }

  remove({ uri }) {
    return call(this.server, 'com.atproto.repo.deleteRecord', this.place(uri), this.token);
  }

  follow(person) {
    return this.write('app.bsky.graph.follow', { subject: person.did });
  }

  deactivate() {
    return call(this.server, 'com.atproto.server.deactivateAccount', {}, this.token);
  }

  place(uri) {
    const [collection, rkey] = uri.split('/').slice(-2);
    return { repo: this.did, collection, rkey };
  }
}

async function call(server, method, sent, token) {
  const headers = { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) };
  const body = JSON.stringify(sent);
  return json(await fetch(`${server.pds}/xrpc/${method}`, { method: 'POST', headers, body }));
}

/** The server's operator deletes an account for good. */
export async function deleteAccount(server, person) {
  const authorization = `Basic ${Buffer.from(`admin:${server.adminPassword}`).toString('base64')}`;
  const headers = { 'content-type': 'application/json', authorization };
  const body = JSON.stringify({ did: person.did });
  return json(await fetch(`${server.pds}/xrpc/com.atproto.admin.deleteAccount`, { method: 'POST', headers, body }));
}

/** The daemon's API, as its admin. */
export class Api {
  constructor(data) {
    this.data = data;
  }

  get ready() {
    return existsSync(`${this.data}/http.addr`) && existsSync(`${this.data}/admin.token`);
  }

  async get(path) {
    const read = (name) => readFileSync(`${this.data}/${name}`, 'utf8').trim();
    const headers = { authorization: `Bearer ${read('admin.token')}` };
    return json(await fetch(`http://${read('http.addr')}/api/v1/${path}`, { headers }));
  }

  mention({ uri }) {
    return this.get(`mentions/${encodeURIComponent(uri)}`);
  }

  async gone({ uri }) {
    return this.mention({ uri }).then(() => false, (error) => error.message.startsWith('404'));
  }

  async mentions() {
    return (await this.get('mentions?limit=200')).items;
  }

  async ledger() {
    return (await this.get('sources')).items[0];
  }

  async followers(person) {
    return (await this.get(`followers/${person.did}?source=bluesky`)).items;
  }
}
