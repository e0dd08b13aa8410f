// Changes the parameters of a sender one after the other: between reading and writing them nobody else may do so
// (W3C WebRTC, RTCRtpSender.setParameters).

/** @type {WeakMap<RTCRtpSender, Promise<unknown>>} */
const turns = new WeakMap();

/**
 * @param {RTCRtpSender} sender
 * @param {(parameters: RTCRtpSendParameters) => boolean | void} change in place; false: nothing to do
 * @returns {Promise<void>} resolves when they are in force
 */
export function adjust(sender, change) {
  const turn = (turns.get(sender) ?? Promise.resolve()).then(async () => {
    const parameters = sender.getParameters();
    if (change(parameters) !== false) await sender.setParameters(parameters);
  });
  turns.set(
    sender,
    turn.catch(() => {}), // told to its caller
  );
  return turn;
}
