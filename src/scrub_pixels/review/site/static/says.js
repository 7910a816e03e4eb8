// Words to the person: a polite line for what happened, an alert for what went wrong.

const timers = new Map();

export const say = (text) => show("status", text, 2600);
export const warn = (text) => show("alert", text, 9000);
export const warnOf = (error) => {
  if (error.name !== "AbortError" && error.status !== 401) warn(error.whole ?? `Something went wrong in the page (${error.name}).`);
};

function show(id, text, milliseconds) {
  const place = document.getElementById(id);
  clearTimeout(timers.get(id));
  place.textContent = text;
  place.classList.add("shown");
  timers.set(id, setTimeout(() => place.classList.remove("shown"), milliseconds));
}

export function element(name, { text, children = [], data = {}, ...properties } = {}) {
  const made = Object.assign(document.createElement(name), properties);
  if (text !== undefined) made.textContent = text;
  Object.assign(made.dataset, data);
  made.append(...children);
  return made;
}
