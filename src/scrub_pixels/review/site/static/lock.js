// After a pause the page blanks itself and signs out; what was drawn is kept by the server.

import { base, idleSeconds, post, whenSignedOut } from "./api.js";

const SIGNS = ["pointerdown", "pointermove", "keydown", "wheel", "touchstart"];
let last = performance.now();
let beaten = last;
let locked = false;

export function watchIdle() {
  for (const sign of SIGNS) window.addEventListener(sign, () => { last = performance.now(); }, { passive: true, capture: true });
  whenSignedOut(lock);
  setInterval(() => {
    if (!locked && (performance.now() - last) / 1000 >= idleSeconds) {
      post("/sign-out", {}, { background: true }).catch(() => {});
      lock();
    }
  }, Math.min(5000, idleSeconds * 250));
}

// Whether the person did something since this was asked last: only that keeps a session alive.
export function wasActive() {
  const active = last > beaten;
  beaten = performance.now();
  return active;
}

export const isLocked = () => locked;

// Leaving the page forgets everything it held.
function lock() {
  if (locked) return;
  locked = true;
  document.body.style.visibility = "hidden";
  sessionStorage.setItem("return-to", location.pathname.slice(base.length));
  location.replace(`${base}/sign-in#locked`);
}
