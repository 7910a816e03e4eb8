// Take the one-time token out of the address, and out of the history, and turn it into a session.

import { base, post } from "./api.js";

const message = document.getElementById("message");
const again = document.getElementById("again");
const locked = location.hash === "#locked";
const token = locked ? "" : location.hash.slice(1);
history.replaceState(null, "", location.pathname);

if (locked) message.textContent = "Locked after a pause. Nothing is lost: what you drew is kept.";
if (token) {
  again.hidden = true;
  message.textContent = "Opening…";
  post("/open", { token }).then(goOn, (error) => {
    message.textContent = error.whole;
    again.hidden = false;
  });
}

again.addEventListener("click", async () => {
  try {
    await post("/open-again");
    message.textContent = "A new link stands in the terminal in which scrub-pixels runs.";
  } catch (error) {
    message.textContent = error.whole;
  }
});

function goOn() {
  const back = sessionStorage.getItem("return-to") ?? "/";
  sessionStorage.removeItem("return-to");
  location.replace(/^\/(entry\/[A-Za-z0-9_-]+)?$/.test(back) ? base + back : `${base}/`);
}
