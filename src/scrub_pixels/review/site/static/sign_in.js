// Name and password become a session.

import { base, post } from "./api.js";

const form = document.getElementById("sign-in");
const message = document.getElementById("message");

if (location.hash === "#locked") message.textContent = "Locked after a pause. Nothing is lost: what you drew is kept.";

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  message.textContent = "";
  try {
    await post("/sign-in", { name: form.elements.name.value, password: form.elements.password.value });
    const back = sessionStorage.getItem("return-to") ?? "/";
    sessionStorage.removeItem("return-to");
    location.replace(/^\/(entry\/[A-Za-z0-9_-]+)?$/.test(back) ? base + back : `${base}/`);
  } catch (error) {
    message.textContent = error.whole;
    form.elements.password.value = "";
    form.elements.password.focus();
  }
});
