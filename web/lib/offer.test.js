import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withNack, withStereo } from './offer.js';

const offer = (...lines) => lines.map((line) => `${line}\r\n`).join('');

test('stereo is asked for on every Opus payload type, and on nothing else', () => {
  const sdp = offer('m=audio 9 UDP/TLS/RTP/SAVPF 111 63', 'a=rtpmap:111 opus/48000/2', 'a=fmtp:111 minptime=10;useinbandfec=1', 'a=rtpmap:63 red/48000/2', 'a=fmtp:63 111/111');
  assert.equal(
    withStereo(sdp),
    offer('m=audio 9 UDP/TLS/RTP/SAVPF 111 63', 'a=rtpmap:111 opus/48000/2', 'a=fmtp:111 minptime=10;useinbandfec=1;stereo=1;sprop-stereo=1', 'a=rtpmap:63 red/48000/2', 'a=fmtp:63 111/111'),
  );
});

test('what a browser already says of stereo is not said twice', () => {
  const sdp = offer('a=rtpmap:109 opus/48000/2', 'a=fmtp:109 maxplaybackrate=48000;stereo=1;useinbandfec=1');
  assert.equal(withStereo(sdp), offer('a=rtpmap:109 opus/48000/2', 'a=fmtp:109 maxplaybackrate=48000;useinbandfec=1;stereo=1;sprop-stereo=1'));
  assert.equal(withStereo(withStereo(sdp)), withStereo(sdp));
});

test('lost sound is asked for again, once, and other codecs are left alone', () => {
  const sdp = offer('a=rtpmap:111 opus/48000/2', 'a=rtcp-fb:111 transport-cc', 'a=rtpmap:63 red/48000/2', 'a=rtpmap:96 VP8/90000', 'a=rtcp-fb:96 nack pli');
  const expected = offer('a=rtpmap:111 opus/48000/2', 'a=rtcp-fb:111 nack', 'a=rtcp-fb:111 transport-cc', 'a=rtpmap:63 red/48000/2', 'a=rtpmap:96 VP8/90000', 'a=rtcp-fb:96 nack pli');
  assert.equal(withNack(sdp), expected);
  assert.equal(withNack(expected), expected);
});
