// The scene: people write, edit, delete and follow on a real network, and the daemon's API must tell it. Then Jetstream
// dies and comes back, the daemon dies and comes back, and nothing may be missing or there twice.
// Arguments: where the servers are installed, the folder of this run, the daemon's program. Exits 0 when all held.

import { createRequire } from 'node:module';
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { Api, Person, deleteAccount, start, stopAll, until } from './part.mjs';
import { freePort } from './port.mjs';

const [installed, folder, program] = process.argv.slice(2);
const WebSocket = createRequire(`${installed}/package.json`)('ws');
mkdirSync(folder, { recursive: true });

let failed = 0;
let before = Date.now();
function check(what, held, seen) {
  failed += held ? 0 : 1;
  const took = `${((Date.now() - before) / 1000).toFixed(1)} s`;
  before = Date.now();
  const why = held || seen === undefined ? '' : `: ${JSON.stringify(seen)}`;
  console.log(`${held ? 'held  ' : 'FAILED'} ${took.padStart(6)}  ${what}${why}`);
}

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const jetstreamAt = `127.0.0.1:${await freePort()}`;
const metricsAt = `127.0.0.1:${await freePort()}`;

function startJetstream(server) {
  const relay = `${server.pds.replace('http', 'ws')}/xrpc/com.atproto.sync.subscribeRepos`;
  // It ends itself when the relay is silent for `liveness-ttl`, which a network of four people is.
  const flags = {
    'ws-url': relay,
    'listen-addr': jetstreamAt,
    'metrics-listen-addr': metricsAt,
    'liveness-ttl': '1h',
    'data-dir': `${folder}/jetstream`,
  };
  const args = Object.entries(flags).map(([key, value]) => `--${key}=${value}`);
  return start(`${installed}/jetstream`, args, `${folder}/jetstream.log`);
}

const answers = async () => (await fetch(`http://${jetstreamAt}/`)).ok;

/** Writes down every frame of one connection, from the beginning. */
function tap(name) {
  const frames = [];
  const socket = new WebSocket(`ws://${jetstreamAt}/subscribe?cursor=1000000000000000`);
  socket.on('message', (frame) => {
    frames.push(frame.toString());
    appendFileSync(`${folder}/${name}.jsonl`, `${frame}\n`);
  });
  socket.on('error', () => {});
  return { frames, close: () => socket.terminate() };
}

/** One frame of each sort, whole: what the wire really looks like. */
function show(frames) {
  const sorts = new Map();
  for (const frame of frames) {
    const { kind, commit, account } = JSON.parse(frame);
    const sort = [kind, commit?.operation, commit?.collection, account?.status].filter(Boolean).join(' ');
    if (!sorts.has(sort)) sorts.set(sort, frame);
  }
  for (const [sort, frame] of sorts) console.log(`frame  ${sort}\n       ${frame}`);
}

function facet(text, part, feature) {
  const byteStart = Buffer.byteLength(text.slice(0, text.indexOf(part)));
  const index = { byteStart, byteEnd: byteStart + Buffer.byteLength(part) };
  return { index, features: [feature] };
}

function configure(server) {
  const toml = `data_dir = "data"
[http]
listen = "127.0.0.1:0"
[[brand]]
id = "velora"
name = "Velora"
  [[brand.watch]]
  id = "name"
  query = 'velora OR url:velora.example'
  [[brand.account]]
  source = "bluesky"
  handle = "velora.test"
[[source]]
id = "bluesky"
kind = "bluesky"
endpoint = "ws://${jetstreamAt}/subscribe"
api = "${server.pds}"
`;
  writeFileSync(`${folder}/reputed.toml`, toml);
}

const startDaemon = () => start(program, ['run', '-c', `${folder}/reputed.toml`], `${folder}/reputed.log`);
const api = new Api(`${folder}/data`);
const live = async () => api.ready && (await api.ledger()).phase === 'live';

async function play() {
  const network = start(process.execPath, [here('network.mjs'), installed, `${folder}/pds`], `${folder}/network.log`, {
    LOG_ENABLED: 'false',
  });
  const server = JSON.parse(await network.line());
  let jetstream = startJetstream(server);
  if (!(await until(answers))) throw new Error(`jetstream does not answer, see ${folder}/jetstream.log`);
  const heard = tap('frame');
  const velora = await Person.join(server, 'velora');
  const ann = await Person.join(server, 'ann');
  const bob = await Person.join(server, 'bob');
  const cleo = await Person.join(server, 'cleo');

  configure(server);
  let daemon = startDaemon();
  if (!(await until(live, 60))) throw new Error(`the daemon is not live, see ${folder}/reputed.log`);
  check('the ledger says live', true);
  const resolved = async () => (await api.ledger()).parts['velora.test'] === velora.did;
  check('the own handle is looked up at the server', await until(resolved), await api.ledger().catch(String));
  // Jetstream is subscribed to anew with follows as soon as the handle is known; `live` alone does not tell.
  await sleep(1000);

  const kept = await posts({ velora, ann });
  await changes({ velora, ann, kept });
  await accounts({ server, bob, cleo, kept });
  jetstream = await outageOfJetstream({ server, ann, velora, jetstream, kept });
  daemon = await outageOfDaemon({ ann, daemon, kept });
  await nothingTwice({ velora, kept });
  await online();

  heard.close();
  const whole = tap('frame-whole');
  await sleep(1500);
  whole.close();
  show(whole.frames);
  const told = new Set([...heard.frames, ...whole.frames]);
  const events = new Set([...told].map((frame) => frame.replace(/"time_us":\d+/, '')));
  console.log(`Jetstream told ${events.size} events, ${told.size - events.size} of them twice under different times`);

  check('the daemon ends by SIGTERM with 0', (await daemon.stop()).code === 0, daemon.how);
}

/** Returns all posts that must be mentions in the end. */
async function posts({ velora, ann }) {
  const own = await velora.post('A new base for every kettle of ours.');
  const plain = await ann.post('My velora kettle leaks again \u{1f624}');
  await ann.post('Nothing that anybody listens for.');
  const words = 'Größe passt \u{1f44d} shop.example/very-lo… #kettleday @velora.test';
  const uri = 'https://velora.example/very-long/offer';
  const facets = [
    facet(words, 'shop.example/very-lo…', { $type: 'app.bsky.richtext.facet#link', uri }),
    facet(words, '#kettleday', { $type: 'app.bsky.richtext.facet#tag', tag: 'kettleday' }),
    facet(words, '@velora.test', { $type: 'app.bsky.richtext.facet#mention', did: velora.did }),
  ];
  const rich = await ann.post(words, { facets });
  const reply = await ann.post('And when is it sold?', { reply: { root: own, parent: own } });
  const quote = await ann.post('Look at this.', { embed: { $type: 'app.bsky.embed.record', record: own } });

  check('a post is a mention', await until(() => api.mention(plain)));
  const found = await until(() => api.mention(rich));
  check('link, tag and mention come from the facets',
    found?.links.includes(uri) && found.tags.includes('kettleday') && found.mentions.includes(velora.did),
    found);
  const replied = await until(() => api.mention(reply));
  check('a reply to the own account', replied?.kind === 'reply' && replied.watches.includes('own/reply'), replied);
  const quoted = await until(() => api.mention(quote));
  check('a quote of the own account', quoted?.kind === 'quote' && quoted.watches.includes('own/quote'), quoted);
  const written = await until(() => api.mention(own));
  check('the own post', written?.watches.includes('own/post'), written);
  const listed = await until(async () => (await api.mentions()).length === 5 && api.mentions());
  check('what nobody listens for is no mention', listed, await api.mentions());
  return [own, plain, rich, reply, quote];
}

async function changes({ velora, ann, kept }) {
  await ann.edit(kept[1], 'My velora kettle leaks no more.');
  const edited = async () => (await api.mention(kept[1])).text === 'My velora kettle leaks no more.';
  check('an edit', (await until(edited)) && (await api.mention(kept[1])).edited_at, await api.mention(kept[1]));

  const short = await ann.post('velora, deleted soon');
  check('a post before it is deleted', await until(() => api.mention(short)));
  await ann.remove(short);
  check('a delete', await until(() => api.gone(short)));

  const record = await ann.follow(velora);
  await velora.follow(ann);
  const followed = async () => (await api.followers(velora)).length === 1;
  check('a follow', await until(followed), await api.followers(velora));
  await ann.remove(record);
  const kinds = async () => (await api.followers(velora)).map((event) => event.kind).sort();
  const unfollowed = async () => (await kinds()).join() === 'follow,unfollow';
  check('an unfollow', await until(unfollowed), await api.followers(velora));
}

/** Who deactivates an account may come back: what was written stays. Who deletes it takes everything along. */
async function accounts({ server, bob, cleo, kept }) {
  const away = await cleo.post('velora, says cleo');
  kept.push(away);
  check('a post before its account is deactivated', await until(() => api.mention(away)));
  await cleo.deactivate();
  const last = await bob.post('velora, says bob');
  check('a post before its account is deleted', await until(() => api.mention(last)));
  await deleteAccount(server, bob);
  check('a deleted account takes its posts along', await until(() => api.gone(last)));
  check('a deactivated one does not', await api.mention(away).catch(() => null));
}

/** Killed while it remembers only in part what it told already: it will tell that again, under later times. */
async function outageOfJetstream({ server, ann, velora, jetstream, kept }) {
  const lost = await ann.post('velora, deleted just before the outage');
  await ann.remove(lost);
  await ann.remove(await ann.follow(velora));
  const before = await ann.post('velora just before the outage');
  await ann.edit(before, 'velora just before the outage, edited');
  kept.push(before);
  check('changes just before the outage', await until(async () => (await api.mention(before)).edited_at));
  await jetstream.stop('SIGKILL');
  const failing = async () => (await api.ledger()).phase !== 'live';
  check('the ledger says that Jetstream is gone', await until(failing), await api.ledger());
  for (let n = 0; n < 20; n += 1) kept.push(await ann.post(`velora during the outage, number ${n}`));
  await ann.follow(velora);
  const again = startJetstream(server);
  check('the ledger says live again', await until(live, 90), await api.ledger());
  kept.push(await ann.post('velora after the outage'));
  const all = async () => (await Promise.all(kept.map((post) => api.mention(post)))).every(Boolean);
  check('nothing is missing after the outage of Jetstream', await until(all, 30), (await api.mentions()).length);
  const followed = async () => (await api.followers(velora)).length === 5;
  check('the follow of the outage', await until(followed), await api.followers(velora));
  check('what was deleted before the outage stays deleted', await api.gone(lost));
  check('what was edited before the outage stays edited', (await api.mention(before)).text.endsWith('edited'));
  return again;
}

async function outageOfDaemon({ ann, daemon, kept }) {
  await daemon.stop('SIGKILL');
  for (let n = 0; n < 20; n += 1) kept.push(await ann.post(`velora without anybody listening, number ${n}`));
  const again = startDaemon();
  await until(live, 60);
  const all = async () => (await Promise.all(kept.map((post) => api.mention(post)))).every(Boolean);
  check('nothing is missing after the outage of the daemon', await until(all, 30), (await api.mentions()).length);
  return again;
}

async function nothingTwice({ velora, kept }) {
  // A doubled one would come with the rest of the replay.
  await sleep(2000);
  await until(async () => (await api.mentions()).length >= kept.length);
  const ids = (await api.mentions()).map((mention) => mention.id);
  check(`${kept.length} mentions, none twice and none too many`,
    ids.length === kept.length && new Set(ids).size === ids.length, ids);
  const followers = await api.followers(velora);
  check('five follower events, none twice', followers.length === 5, followers);
  const ledger = await api.ledger();
  check('no gap in the ledger', ledger.gap_count === 0 && ledger.gaps.length === 0, ledger.gaps);
  console.log(`ledger ${JSON.stringify(ledger)}`);
}

async function online() {
  const checking = start(program, ['check', '--online', '-c', `${folder}/reputed.toml`], `${folder}/check.log`);
  const how = await checking.stop(0);
  check('`reputed check --online` is content', how.code === 0, how);
}

try {
  await play();
} catch (error) {
  check('the scene was played to its end', false, String(error));
} finally {
  await stopAll();
}
console.log(failed ? `${failed} checks failed; the logs are in ${folder}` : 'all held');
process.exit(failed ? 1 : 0);
