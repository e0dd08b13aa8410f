// What the page says, to eyes and to screen readers alike: toasts that pass, and alerts that stay until dismissed.

import { byId, icon, make } from './dom.js';

const TOAST_MS = 5_000;
/** More than this at once nobody reads: the oldest goes. */
const MOST_TOASTS = 4;
const MOST_ALERTS = 3;

/**
 * Something to know, that needs no answer.
 *
 * @param {string} text
 */
export function toast(text) {
  const toasts = byId('toasts', HTMLDivElement);
  const element = make('p', { class: 'toast', text });
  toasts.append(element);
  while (toasts.childElementCount > MOST_TOASTS) toasts.firstElementChild?.remove();
  setTimeout(() => element.remove(), TOAST_MS);
}

/**
 * Something that went wrong.
 *
 * @param {string} text
 */
export function alert(text) {
  const alerts = byId('alerts', HTMLDivElement);
  for (const child of [...alerts.children]) {
    if (child.firstChild?.textContent === text) child.remove();
  }
  const dismiss = make('button', { type: 'button', class: 'round plain', 'aria-label': 'Dismiss' }, icon('close'));
  const element = make('div', { class: 'alert' }, make('p', { text }), dismiss);
  dismiss.addEventListener('click', () => element.remove());
  alerts.append(element);
  while (alerts.childElementCount > MOST_ALERTS) alerts.firstElementChild?.remove();
}

export function clearAlerts() {
  byId('alerts', HTMLDivElement).replaceChildren();
}
