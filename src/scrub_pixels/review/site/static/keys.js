// One table of shortcuts for the keyboard and for the page that shows them.

const NAMES = { " ": "Space", ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓", Delete: "Del", Escape: "Esc", PageUp: "Page Up", PageDown: "Page Down" };
const OFF = "single-keys-off";

export function bindKeys(table, actions) {
  fill(table);
  const single = document.getElementById("single-keys");
  single.checked = !localStorage.getItem(OFF);
  single.addEventListener("change", () => (single.checked ? localStorage.removeItem(OFF) : localStorage.setItem(OFF, "1")));
  // In the capturing phase, so that the drawing library does not also undo.
  window.addEventListener("keydown", (event) => {
    const wanted = pressed(event);
    const entry = table.find((row) => row.keys.includes(wanted));
    if (!entry || busy(event, wanted) || (isSingle(wanted) && !single.checked && wanted !== "?")) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (!event.repeat || entry.repeats) actions[entry.do](entry.with, event);
  }, true);
}

export function showKeys() {
  const sheet = document.getElementById("shortcuts");
  if (!sheet.open) sheet.showModal();
}

function pressed(event) {
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const shift = event.shiftKey && (key.length > 1 || /[a-z]/.test(key)) ? "Shift+" : "";
  return `${event.ctrlKey || event.metaKey ? "Ctrl+" : ""}${event.altKey ? "Alt+" : ""}${shift}${key}`;
}

const isSingle = (wanted) => wanted.length === 1 && wanted !== " ";

// Where the person writes or works a control, its own keys come first.
function busy(event, wanted) {
  const target = event.target instanceof Element ? event.target : document.body;
  if (document.querySelector("dialog[open]")) return true;
  if (target.matches("input[type=text], input[type=password], input[type=number], input:not([type]), textarea")) return true;
  if (target.matches("select")) return !wanted.startsWith("Ctrl+");
  if (target.matches("input[type=range]")) return /^(Arrow|Home|End|Page)/.test(wanted) && wanted !== "ArrowUp" && wanted !== "ArrowDown";
  return target.matches("button, a, summary") && (wanted === " " || wanted === "Enter");
}

function fill(table) {
  const place = document.getElementById("shortcut-list");
  for (const group of new Set(table.map((row) => row.group))) {
    const rows = table.filter((row) => row.group === group && row.text);
    const box = document.createElement("div");
    box.className = "shortcut-group";
    box.append(Object.assign(document.createElement("h3"), { textContent: group }));
    const list = document.createElement("dl");
    for (const row of rows) {
      const term = document.createElement("dt");
      for (const key of (row.shown ?? row.keys.slice(0, 1))) term.append(Object.assign(document.createElement("kbd"), { textContent: named(key) }), " ");
      list.append(term, Object.assign(document.createElement("dd"), { textContent: row.text }));
    }
    box.append(list);
    place.append(box);
  }
}

function named(key) {
  return key.split("+").map((part) => NAMES[part] ?? (part.length === 1 ? part.toUpperCase() : part)).join("+") || "+";
}

export function closing(root = document) {
  for (const button of root.querySelectorAll("[data-close]")) button.addEventListener("click", () => button.closest("dialog").close());
}
