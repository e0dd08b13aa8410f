// The server goes and comes back: the page says so, and the call returns by itself.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Proxy } from '../harness/proxy.js';
import { Scene } from '../harness/scene.js';
import { until } from '../harness/until.js';

const scene = new Scene();

for (const [how, end] of [
  ['stopped', () => scene.server.stop()],
  ['killed', () => scene.server.kill()],
]) {
  test(`the server is ${how} and started again: the page says so, and the call comes back`, async () => {
    const room = scene.newRoom();
    const ada = await scene.person('Ada', { room });
    const grace = await scene.person('Grace', { room });
    await ada.sees(['Grace']);
    await grace.sees(['Ada']);
    await end();
    for (const person of [ada, grace]) await person.reads('connection to the server is lost', '#banner-text');
    await scene.server.start();
    for (const person of [ada, grace]) {
      await person.isIn();
      await person.seesPictures(1);
      await person.hearsSound(1);
    }
    await ada.sees(['Grace']);
    await grace.sees(['Ada']);
    await ada.wasTold('Connected again');
  });
}

test('a call that was begun while the server was away begins when it comes', async () => {
  const room = scene.newRoom();
  const ada = await scene.visitor('Ada', { room });
  await ada.isReady();
  await scene.server.stop();
  await ada.page.click('#join');
  await ada.reads('The server does not answer', '#banner-text');
  await scene.server.start();
  await ada.isIn();
  const grace = await scene.person('Grace', { room });
  await grace.sees(['Ada']);
});

test('“Try now” does not wait for the next try', async () => {
  const room = scene.newRoom();
  const ada = await scene.person('Ada', { room });
  await scene.server.stop();
  // The waits grow; a long one leaves time to start the server before the page tries by itself.
  const wait = async () => Number(/(\d+) s/.exec(await ada.text('#banner-countdown'))?.[1] ?? 0);
  await until('the next try is seconds away', async () => (await wait()) >= 5);
  await scene.server.start();
  assert.ok((await wait()) >= 1, 'the page has not tried by itself yet');
  await ada.page.click('#banner-retry');
  await ada.isIn();
});

test('programs come back too: joined, published and subscribed again', async () => {
  const room = scene.newRoom();
  const one = await scene.coder('one', { room });
  const two = await scene.coder('two', { room });
  const before = await one.publish();
  await two.seesPictures(1);
  await scene.server.kill();
  await two.hears('away');
  await scene.server.start();
  await two.hears('joined', ({ again }) => again);
  // Whether it is new or takes the former one's place depends on who was back first.
  const isBack = ({ name, mid, to }) =>
    (name === 'stream-add' && mid !== before) || (name === 'stream-move' && to.mid !== before);
  await until('the stream is there again', async () => (await two.events()).some(isBack));
  await two.seesPictures(1);
});

test('one whose connection breaks comes back under the same name, and hears what happened meanwhile', async () => {
  const room = scene.newRoom();
  const line = await Proxy.to(scene.server.url);
  const one = await scene.coder('one', { room, url: line.url });
  const gone = await scene.coder('gone', { room });
  const stays = await scene.coder('stays', { room });
  const before = await one.publish();
  await stays.publish();
  await one.seesPictures(1);
  line.cut();
  await one.hears('away');
  await stays.hears('peer-leave', ({ uid }) => uid === 'one');
  await gone.leave();
  const later = await scene.coder('later', { room });
  line.mend();
  await one.hears('joined', ({ again }) => again);
  await one.hears('peer-leave', ({ uid }) => uid === 'gone');
  await one.hears('peer-join', ({ uid }) => uid === 'later');
  await one.seesPictures(1);
  const { mid } = await later.hears('stream-add', ({ uid }) => uid === 'one');
  assert.notEqual(mid, before);
  await later.seesPictures(2);
  const known = (await one.events()).filter(({ name, uid }) => name === 'peer-join' && uid === 'stays');
  assert.equal(known.length, 1, 'who was there all the time did not come twice');
  await line.close();
});

test('whoever is kicked is told so, and does not come back', async () => {
  const room = scene.newRoom();
  const page = await scene.page();
  await page.clock.install();
  const ada = await scene.person('Ada', { room, page });
  const watcher = await scene.coder('watcher', { room });
  const [{ uid }] = await watcher.page.evaluate(() => room.users);
  await scene.coder(uid, { room });
  await ada.reads('taken over', '#alerts');
  assert.equal(await page.evaluate(() => document.getElementById('lobby').hidden), false);
  const sockets = [];
  page.on('websocket', (socket) => sockets.push(socket.url()));
  await page.clock.runFor(60_000); // the page's own time, not ours
  assert.deepEqual(sockets, []);
});
