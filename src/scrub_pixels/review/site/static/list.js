// The list: what waits, filtered, page by page.

import { base, get, post, shared, who } from "./api.js";
import { bindKeys, closing, showKeys } from "./keys.js";
import { watchIdle } from "./lock.js";
import { element, warnOf } from "./says.js";
import { remember, wanted } from "./wanted.js";

const PAGE = 50;
const STATES = { pending: "Waiting", accepted: "Being released", released: "Released", rejected: "Rejected", passed: "Clean", superseded: "Superseded" };
const DECIDED = ["accepted", "released", "rejected", "passed", "superseded"];
// Of what was decided, those that a person looks for first, if there are any.
const FIRST_SHOWN = ["released", "rejected", "passed", "accepted", "superseded"];
const FILTERED = "Nothing fits these filters.";
const KEYS = [
  { keys: ["s"], do: "start", group: "List", text: "Start reviewing" },
  { keys: ["j", "ArrowDown"], do: "move", with: 1, repeats: true, group: "List", text: "Next entry", shown: ["j", "ArrowDown"] },
  { keys: ["k", "ArrowUp"], do: "move", with: -1, repeats: true, group: "List", text: "Entry before", shown: ["k", "ArrowUp"] },
  { keys: ["1"], do: "tab", with: "held", group: "List", text: "To review" },
  { keys: ["2"], do: "tab", with: "qa", group: "List", text: "Quality control" },
  { keys: ["3"], do: "tab", with: "decided", group: "List", text: "Decided" },
  { keys: ["?"], do: "help", group: "List", text: "Show these shortcuts" },
];

const at = (id) => document.getElementById(id);
const filters = at("filters");
const list = at("entries");
let tab = wanted().tab ?? "held";
let facts = null;
let last = 0;
let asked = 0;

const filter = () => {
  const chosen = Object.fromEntries(["state", "reason", "device", "modality"].map((name) => [name, filters.elements[name].value]));
  if (tab !== "decided") return { ...chosen, state: "pending", kind: tab };
  return { ...chosen, state: chosen.state || "released" };
};

async function refresh(background = false) {
  facts = await get("/facets", { background });
  const waiting = facts.kinds ?? {};
  at("empty").textContent = emptyText();
  at("left").textContent = number(waiting[tab === "qa" ? "qa" : "held"]);
  for (const place of document.querySelectorAll("[data-count]")) {
    const name = place.dataset.count;
    place.textContent = number(name === "decided" ? total(facts.states, DECIDED) : waiting[name] ?? 0);
  }
  at("trouble").hidden = !facts.trouble;
  at("trouble").textContent = facts.trouble;
  at("start").disabled = !(waiting[tab] > 0);
  options("reason", facts.reasons, "Any reason");
  options("device", facts.devices, "Any device");
  options("modality", facts.modalities, "Any modality");
  const state = filters.elements.state;
  const before = state.value;
  options("state", Object.fromEntries(DECIDED.map((name) => [name, facts.states[name] ?? 0])), null, STATES);
  if (!before) state.value = firstShown();
  filters.elements.state.closest("label").hidden = tab !== "decided";
}

function options(name, counts, any, names = {}) {
  const select = filters.elements[name];
  const kept = select.value;
  const made = Object.entries(counts ?? {}).map(([value, count]) => new Option(`${names[value] ?? (value || "(none)")} (${number(count)})`, value));
  select.replaceChildren(...(any ? [new Option(any, "")] : []), ...made.filter((option) => option.value));
  select.value = [...select.options].some((option) => option.value === kept) ? kept : select.options[0]?.value ?? "";
}

async function load(fresh) {
  const mine = ++asked;
  const chosen = filter();
  remember({ ...chosen, tab });
  const { entries } = await post("/entries", { ...chosen, after: fresh ? 0 : last, limit: PAGE });
  if (mine !== asked) return;
  if (fresh) list.replaceChildren();
  list.append(...entries.map(row));
  last = entries.at(-1)?.id ?? last;
  at("more").hidden = entries.length < PAGE;
  at("empty").hidden = list.children.length > 0;
  at("empty").textContent = emptyText();
}

const firstShown = () => FIRST_SHOWN.find((name) => facts?.states[name]) ?? FIRST_SHOWN[0];

function emptyText() {
  if (!facts) return "";
  if (tab === "decided") return total(facts.states, DECIDED) ? FILTERED : "Nothing here yet.";
  const { held = 0, qa = 0 } = facts.kinds ?? {};
  if (tab === "qa") return qa ? FILTERED : "No sample waits for quality control.";
  if (held) return FILTERED;
  return qa ? `Nothing is held any more. Quality control has ${number(qa)} to look at.` : "All done. Nothing is left to review.";
}

function row(entry) {
  const chips = element("ul", { className: "chips", children: entry.reasons.map((text) => element("li", { text })) });
  const name = [entry.modality, entry.device].filter(Boolean).join(" · ") || "Image";
  const size = ` · ${entry.columns}×${entry.rows}${entry.frames > 1 ? ` · ${number(entry.frames)} frames` : ""}`;
  const title = element("div", { className: "entry-title", text: name, children: [element("span", { className: "muted", text: size })] });
  const side = element("div", { className: "entry-side", children: [
    element("span", { className: "state", text: STATES[entry.state] ?? entry.state, data: { state: entry.state } }),
    element("span", { text: new Date(entry.created * 1000).toLocaleDateString() }),
  ] });
  if (shared && entry.claimedBy && entry.claimedBy !== who && entry.claimedUntil * 1000 > Date.now())
    side.append(element("span", { className: "claimed", text: `with ${entry.claimedBy}` }));
  const picture = element("img", { className: "thumb", alt: "", loading: "lazy", decoding: "async", src: `${base}/api/entries/${entry.key}/thumbnail` });
  picture.addEventListener("error", () => picture.replaceWith(element("span", { className: "thumb unseen", text: "Cannot be shown" })));
  const link = element("a", { className: "entry", href: `${base}/entry/${entry.key}`, children: [picture, element("div", { children: [title, chips] }), side] });
  return element("li", { children: [link] });
}

async function missRate() {
  const place = at("miss-rate");
  place.hidden = tab !== "qa";
  if (place.hidden) return;
  const rate = await get("/miss-rate");
  const share = (value) => `${(100 * value).toLocaleString(undefined, { maximumFractionDigits: 2 })} %`;
  const said = rate.estimate === null ? "Nothing of the sample was looked at yet."
    : `of released images still show identifying text, as far as the sample tells (95 % sure: ${share(rate.low)} to ${share(rate.high)}).`;
  const counts = `${number(rate.reviewed)} of ${number(rate.sampled)} drawn were looked at, ${number(rate.missed)} with text left; drawn from ${number(rate.population)} released.`;
  const about = rate.estimate !== null && rate.covered < rate.population
    ? ` The estimate is about the ${number(rate.covered)} of devices and layouts of which something was looked at.` : "";
  place.replaceChildren(
    element("span", { className: "figure", text: rate.estimate === null ? "–" : share(rate.estimate) }),
    element("div", { children: [element("p", { text: said }), element("p", { className: "muted", text: counts + about })] }),
    ...(rate.estimate === null ? [] : [interval(rate)]));
}

function interval({ low, estimate, high }) {
  const top = Math.max(0.02, high * 1.15);
  const svg = shape("svg", { viewBox: "0 0 1000 26", preserveAspectRatio: "none", "aria-hidden": "true" });
  const across = (value) => (1000 * value) / top;
  svg.append(shape("line", { class: "axis", x1: 0, x2: 1000, y1: 13, y2: 13 }),
    shape("rect", { class: "range", x: across(low), width: Math.max(3, across(high) - across(low)), y: 8, height: 10, rx: 4 }),
    shape("rect", { class: "point", x: across(estimate) - 2, width: 4, y: 3, height: 20 }));
  return svg;
}

function shape(name, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function choose(name) {
  tab = name;
  for (const button of document.querySelectorAll("[data-tab]")) button.setAttribute("aria-pressed", String(button.dataset.tab === tab));
  const start = { held: "Start reviewing", qa: "Start checking" }[tab];
  at("start").hidden = !start;
  if (start) at("start-text").textContent = start;
  return Promise.all([load(true), refresh(), missRate()]).catch(warnOf);
}

async function start() {
  try {
    const found = await post("/next", { ...filter(), after: 0 });
    if (found.entry) location.assign(`${base}/entry/${found.entry.key}`);
    else await choose(tab);
  } catch (error) {
    warnOf(error);
  }
}

function move(step) {
  const links = [...list.querySelectorAll("a")];
  const here = links.indexOf(document.activeElement);
  links[Math.min(links.length - 1, Math.max(0, here + step))]?.focus();
}

const number = (value) => (value ?? 0).toLocaleString();
const total = (counts, names) => names.reduce((sum, name) => sum + (counts?.[name] ?? 0), 0);

for (const button of document.querySelectorAll("[data-tab]")) button.addEventListener("click", () => choose(button.dataset.tab));
filters.addEventListener("change", () => load(true).catch(warnOf));
filters.addEventListener("reset", () => setTimeout(() => {
  filters.elements.state.value = firstShown();
  load(true).catch(warnOf);
}));
at("start").addEventListener("click", start);
at("more").addEventListener("click", () => load(false).catch(warnOf));
at("help").addEventListener("click", showKeys);
at("sign-out").addEventListener("click", async () => {
  await post("/sign-out").catch(() => {});
  location.assign(`${base}/sign-in`);
});
new IntersectionObserver((seen) => {
  if (seen[0].isIntersecting && !at("more").hidden) load(false).catch(warnOf);
}, { rootMargin: "600px" }).observe(at("more"));
setInterval(() => refresh(true).catch(() => {}), 30000);
bindKeys(KEYS, { start, move, tab: choose, help: showKeys });
closing();
watchIdle();
choose(tab);
