// Ports that are free now, below those that the system hands out itself.

import dgram from 'node:dgram';
import net from 'node:net';

const FIRST = 12_000;
const LAST = 21_900;

/**
 * @param {{ tcp: number, udp: number }} wanted how many of each
 * @returns {Promise<{ tcp: number[], udp: number[] }>} each kind in one row
 */
export async function freePorts({ tcp, udp }) {
  for (let tries = 0; tries < 100; tries += 1) {
    const base = FIRST + Math.floor(Math.random() * (LAST - FIRST));
    const tcps = Array.from({ length: tcp }, (_, number) => base + number);
    const udps = Array.from({ length: udp }, (_, number) => base + tcp + number);
    const free = await Promise.all([...tcps.map(tcpFree), ...udps.map(udpFree)]);
    if (free.every(Boolean)) return { tcp: tcps, udp: udps };
  }
  throw new Error('no free ports');
}

/** @param {number} port @returns {Promise<boolean>} */
function tcpFree(port) {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

/** @param {number} port @returns {Promise<boolean>} */
function udpFree(port) {
  return new Promise((resolve) => {
    const socket = dgram.createSocket('udp4');
    socket.once('error', () => resolve(false));
    socket.bind(port, () => socket.close(() => resolve(true)));
  });
}
