// Somebody whose network lets no UDP through: picture and sound go over the node's one TCP port.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { freePorts } from '../harness/ports.js';
import { Scene } from '../harness/scene.js';
import { Server } from '../harness/server.js';

const scene = new Scene({
  async start() {
    const { tcp } = await freePorts({ tcp: 1, udp: 0 });
    return Server.start([`sfu.tcp_port=${tcp[0]}`]);
  },
});

/** Hides the server's UDP candidates from the browser, which then has nothing but TCP. Runs in the page. */
function withoutUdp() {
  const Native = window.RTCPeerConnection;
  window.RTCPeerConnection = class extends Native {
    setRemoteDescription({ type, sdp }) {
      const kept = sdp.split('\r\n').filter((line) => !/^a=candidate:\S+ \d+ udp /i.test(line));
      return super.setRemoteDescription({ type, sdp: kept.join('\r\n') });
    }
  };
}

/** The protocol of each peer connection's selected path. Runs in the page. */
async function protocols() {
  const live = window.peerConnections.filter((pc) => pc.connectionState === 'connected');
  const reports = await Promise.all(live.map((pc) => pc.getStats()));
  return reports.map((report) => {
    const transport = [...report.values()].find(({ type }) => type === 'transport');
    const pair = report.get(transport.selectedCandidatePairId);
    return report.get(pair.remoteCandidateId).protocol;
  });
}

async function confinedPage() {
  const page = await scene.page();
  await page.context().addInitScript(withoutUdp);
  return page;
}

test('who has only TCP sends and gets picture and sound', async () => {
  const room = scene.newRoom();
  const confined = await scene.coder('confined', { room, page: await confinedPage() });
  const free = await scene.coder('free', { room });
  await confined.publish();
  await free.publish();
  for (const coder of [confined, free]) {
    await coder.seesPictures(1);
    await coder.hearsSound(1);
  }
  assert.deepEqual(await confined.page.evaluate(protocols), ['tcp', 'tcp']);
  assert.deepEqual(await free.page.evaluate(protocols), ['udp', 'udp'], 'who has both takes UDP');
});

test('two who have only TCP see each other', async () => {
  const room = scene.newRoom();
  const one = await scene.coder('one', { room, page: await confinedPage() });
  const two = await scene.coder('two', { room, page: await confinedPage() });
  await one.publish();
  await two.seesPictures(1);
  await two.hearsSound(1);
  await one.unpublish();
  await two.hears('stream-remove');
});
