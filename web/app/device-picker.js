// The fields in which camera and microphone are chosen: in the lobby, and again in the call's dialog.

import { make } from './dom.js';

/**
 * @typedef {import('./local-media.js').LocalMedia} LocalMedia
 * @typedef {import('./local-media.js').Device} Device
 */

/**
 * @param {HTMLElement} place
 * @param {LocalMedia} media
 */
export function devicePicker(place, media) {
  const stereo = make('input', { type: 'checkbox' });
  stereo.checked = media.stereo;
  stereo.addEventListener('change', () => void media.setStereo(stereo.checked));
  place.append(
    picker(place, media, 'camera', 'Camera'),
    picker(place, media, 'microphone', 'Microphone'),
    make(
      'label',
      { class: 'check' },
      stereo,
      make('span', {}, 'Original sound in stereo', make('small', { text: 'For music. Use headphones: echo is not cancelled.' })),
    ),
  );
}

/**
 * @param {HTMLElement} place
 * @param {LocalMedia} media
 * @param {Device} device
 * @param {string} label
 */
function picker(place, media, device, label) {
  const id = `${place.id}-${device}`;
  const select = make('select', { id });
  const show = () => {
    const options = media.devices(device).map(({ deviceId, label: name }, index) => {
      const option = make('option', { value: deviceId, text: name || `${label} ${index + 1}` });
      option.selected = deviceId === media.chosen(device);
      return option;
    });
    select.disabled = options.length === 0;
    select.replaceChildren(...(options.length ? options : [make('option', { text: `No ${device} found` })]));
  };
  show();
  media.on('devices', show);
  select.addEventListener('change', () => void media.choose(device, select.value));
  return make('div', { class: 'field' }, make('label', { for: id, text: label }), select);
}
