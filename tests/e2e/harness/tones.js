// A low tone on the left and a high one on the right, to tell whether stereo stayed stereo.

export const LEFT_HZ = 440;
export const RIGHT_HZ = 1000;

/** Publishes the two tones. Runs in the page. @returns {Promise<string>} the answer's SDP */
export async function publishTones([left, right]) {
  const context = new AudioContext({ sampleRate: 48_000 });
  const merger = new ChannelMergerNode(context, { numberOfInputs: 2 });
  for (const [channel, frequency] of [left, right].entries()) {
    const tone = new OscillatorNode(context, { frequency });
    tone.connect(new GainNode(context, { gain: 0.4 })).connect(merger, 0, channel);
    tone.start();
  }
  const out = new MediaStreamAudioDestinationNode(context, { channelCount: 2 });
  merger.connect(out);
  const publication = room.publish({ audio: out.stream.getAudioTracks()[0] });
  await publication.ready;
  window.keep = [context, out, publication];
  return publication.pc.remoteDescription.sdp;
}
