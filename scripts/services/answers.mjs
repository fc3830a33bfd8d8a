import { connect } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';

/**
 * Sends bytes and gives back what came when `complete` says that it is the whole answer; null when it does not come.
 * @param {{ host: string, port: number, tls?: boolean }} address
 * @param {Buffer} request
 * @param {(answer: Buffer) => boolean} complete
 * @param {number} [limit] milliseconds
 * @returns {Promise<Buffer | null>}
 */
function ask({ host, port, tls }, request, complete, limit = 2_000) {
  return new Promise((resolve) => {
    const socket = tls ? connectTls({ host, port, servername: host }) : connect({ host, port });
    let answer = Buffer.alloc(0);
    /** @param {Buffer | null} result */
    const end = (result) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(result);
    };
    const timer = setTimeout(end, limit, null);
    socket.once('error', () => end(null)).once('close', () => end(null));
    socket.on('data', (chunk) => {
      answer = Buffer.concat([answer, chunk]);
      if (complete(answer)) end(answer);
    });
    socket.write(request);
  });
}

/**
 * What Redis answers to a PING, after AUTH with the URL's name and password; null when nothing comes.
 * @param {string} url
 */
async function redisAnswer(url) {
  const { protocol, hostname, port, username, password } = new URL(url);
  const words = [decodeURIComponent(username), decodeURIComponent(password)].filter(Boolean);
  /** @param {string[]} parts */
  const command = (...parts) =>
    `*${parts.length}\r\n${parts.map((p) => `$${Buffer.byteLength(p)}\r\n${p}\r\n`).join('')}`;
  const request = (words.length > 0 ? command('AUTH', ...words) : '') + command('PING');
  const address = { host: hostname, port: Number(port) || 6379, tls: protocol === 'rediss:' };
  const done = (/** @type {Buffer} */ answer) => /PONG\r\n|^-/.test(answer.toString('latin1'));
  return (await ask(address, Buffer.from(request), done))?.toString('latin1') ?? null;
}

/**
 * True when Redis answers a PING with PONG.
 * @param {string} url
 */
export const redisAnswers = async (url) => (await redisAnswer(url))?.includes('PONG') ?? false;

/**
 * True when a Redis is up there, even if it wants a password before it says PONG.
 * @param {string} url
 */
export const redisIsUp = async (url) => /PONG|^-(NOAUTH|NOPERM|DENIED)/.test((await redisAnswer(url)) ?? '');

/**
 * True when a broker answers a Metadata request (version 4) and names at least one broker: it has joined its cluster
 * and takes clients. Needs no library, so that it works before `npm ci`. Not for brokers behind TLS or SASL.
 * @param {string} brokers addresses by comma; one that answers is enough
 */
export async function kafkaAnswers(brokers) {
  const body = Buffer.from([0, 3, 0, 4, 0, 0, 0, 1, 0xff, 0xff, 0, 0, 0, 0, 0]);
  const request = Buffer.concat([Buffer.from([0, 0, 0, body.length]), body]);
  for (const broker of brokers.split(',')) {
    const at = broker.lastIndexOf(':');
    const address = { host: broker.slice(0, at).trim(), port: Number(broker.slice(at + 1)) };
    const whole = (/** @type {Buffer} */ answer) => answer.length >= 4 && answer.length >= 4 + answer.readInt32BE(0);
    const answer = await ask(address, request, whole);
    // size, correlation id, throttle time, then the number of brokers
    if (answer && answer.length >= 16 && answer.readInt32BE(4) === 1 && answer.readInt32BE(12) > 0) return true;
  }
  return false;
}

/**
 * Asks again and again until it answers; false when it did not in time or `abandoned` says that it never will.
 * @param {() => Promise<boolean>} answers
 * @param {{ within: number, abandoned?: () => boolean }} options `within` in milliseconds
 */
export async function untilAnswers(answers, { within, abandoned = () => false }) {
  const deadline = Date.now() + within;
  while (!(await answers())) {
    if (Date.now() > deadline || abandoned()) return false;
    await wait(100);
  }
  return true;
}
