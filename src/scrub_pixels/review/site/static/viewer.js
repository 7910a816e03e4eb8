// The viewer: one entry after the other, from what is shown to what is decided.

import { base, get, post, role } from "./api.js";
import { Boxes } from "./boxes.js";
import { Cine } from "./cine.js";
import { Frames } from "./frames.js";
import { bindKeys, closing, showKeys } from "./keys.js";
import { isLocked, wasActive, watchIdle } from "./lock.js";
import * as panel from "./panel.js";
import { element, say, warn, warnOf } from "./says.js";
import { whichFrames, whichOthers, whyReject } from "./sheets.js";
import { KEYS } from "./shortcuts.js";
import { Stage } from "./stage.js";
import { wanted, wantedKind } from "./wanted.js";
import { Windowing } from "./window.js";
import { Work } from "./work.js";

const RENEW_MILLISECONDS = 60000;
const COUNT_MILLISECONDS = 20000;
const STATES = { accepted: "Being released", released: "Released", rejected: "Rejected", passed: "Clean", superseded: "Superseded" };
const at = (id) => document.getElementById(id);

let work = null;
let frames = null;
let items = [];
let selected = null;
let ahead = null;
let busy = false;
let turns = 0;
const seen = [];

const stage = new Stage(at("stage"), at("sheet"), at("picture"), {
  onView: (scale) => { at("zoom").textContent = `${Math.round(100 * scale)} %`; },
  onWindow: (x, y) => windowing.drag(x, y),
  onPinch: () => boxes.cancel(),
});
const boxes = new Boxes(at("picture"), {
  onDraw: (box) => keep(work.draw(box, [0, work.view.frames]), () => select(idOf(box))),
  onChange: (id, box) => changeBox(id, { box }),
  onSelect: select,
  onHover: (id) => panel.showTip(find(id), work.view.frames, pointer, at("stage")),
});
const windowing = new Windowing({ canvas: at("picture"), select: at("preset"), onSettle: () => draw() });
const cine = new Cine({ slider: at("frame"), marks: at("marks"), number: at("frame-number"), play: at("play") }, (frame, playing) => turn(frame, playing));
cine.said = (frame) => ` · ${items.filter((item) => item.look !== "kept" && on(item, frame)).length} boxes`;
let pointer = [0, 0];

const on = (item, frame) => frame >= item.span[0] && frame < item.span[1];
const find = (id) => items.find((item) => item.id === id) ?? null;
const idOf = (box) => items.find((item) => item.box.every((value, i) => value === box[i]))?.id ?? null;

// -- showing

async function open(view, store = null, push = true) {
  frames?.close();
  work = new Work(view, refresh);
  frames = store ?? new Frames(view.entry.key, view);
  selected = null;
  const path = `${base}/entry/${view.entry.key}`;
  if (push && location.pathname !== path) history.pushState(null, "", path);
  stage.clear();
  stage.resize(view.rows, view.columns);
  boxes.resize();
  cine.open(view.frames, view.framesPerSecond, firstOf(view));
  windowing.open(view.window, view.entry.modality, view.inverse);
  at("deck").classList.toggle("still", view.frames < 2);
  refresh();
  if (view.trouble) unseen(view.trouble);
  else await draw();
  // Once it is painted, and not before, is there time for what may come next.
  requestAnimationFrame(() => setTimeout(() => {
    performance.mark("shown");
    at("stage").dataset.shown = view.entry.key;
    prefetch();
    const mine = frames;
    if (view.trouble) return;
    mine.loadAll(cine.frame, (frame) => {
      if (mine !== frames) return;
      cine.loaded.add(frame);
      if (frame % 8 === 0 || cine.loaded.size === view.frames) cine.mark(items);
    });
  }));
}

// Begin where there is something to judge.
function firstOf(view) {
  const starts = view.findings.filter((finding) => finding.verdict !== "benign").map((finding) => finding.span[0]);
  return starts.length ? Math.min(...starts) : 0;
}

let drawing = 0;
let drawn = true;

async function draw(playing = false) {
  const mine = (drawing += 1);
  drawn = false;
  const [store, frame, window] = [frames, cine.frame, windowing.asked];
  const rough = playing && !window;
  const after = showsAfter();
  try {
    if (after) await flush(); // the server masks what it has
    const masks = after ? work.masks : "";
    const picture = await store.picture(frame, { exact: !rough, window, masked: masks });
    if (mine !== drawing || store !== frames) return;
    unseen("");
    stage.show(picture);
    windowing.shows(window);
    at("badge").hidden = !after;
    Object.assign(at("stage").dataset, { frame: String(frame), masked: after ? masks : "" });
  } catch (error) {
    if (mine !== drawing || store !== frames || error.name === "AbortError") return;
    if (after) { // never the original under that name
      warnOf(error);
      toggleAfter();
    } else unseen(error.whole ?? "Something went wrong in the page.", frame);
  } finally {
    if (mine === drawing) drawn = true;
  }
}

// What is said instead of a picture: never does another frame stand in for one that cannot be shown.
function unseen(why, frame = cine.frame) {
  at("unseen").hidden = !why;
  if (!why) return;
  at("unseen").replaceChildren(element("strong", { text: "This image cannot be shown." }), element("p", { text: why }));
  stage.clear();
  at("badge").hidden = true;
  Object.assign(at("stage").dataset, { frame: String(frame), masked: "" });
}

const showsAfter = () => at("stage").classList.contains("after");

function turn(frame, playing) {
  if (playing && (showsAfter() ? !drawn : !frames.has(frame))) return;
  draw(playing);
  showBoxes();
  if (!playing) showPanel();
}

function refresh() {
  if (isLocked()) return;
  const before = find(selected);
  items = work.items();
  if (before && !find(selected)) selected = idOf(before.box);
  const { view } = work;
  const { entry } = view;
  boxes.allow(work.editable, stage.tool === "draw");
  panel.showReasons(view);
  panel.showHistory(view);
  at("where").textContent = [entry.modality, entry.device, `${entry.columns}×${entry.rows}`].filter(Boolean).join(" · ");
  Object.assign(at("state"), { textContent: entry.kind === "qa" && entry.state === "pending" ? "Quality control" : STATES[entry.state] ?? "" });
  Object.assign(at("state").dataset, { state: entry.state, kind: entry.kind });
  at("notice").hidden = !view.conflict;
  at("notice").textContent = view.conflict ? `${view.conflict}${entry.claimedBy ? ` It is with ${entry.claimedBy}.` : ""}` : "";
  showDecision(view);
  cine.mark(items);
  showBoxes();
  showPanel();
  if (showsAfter() && at("stage").dataset.masked && at("stage").dataset.masked !== work.masks) draw();
}

function showDecision(view) {
  const pending = view.entry.state === "pending";
  const qa = view.entry.kind === "qa";
  at("for-pending").hidden = !pending;
  at("for-decided").hidden = pending || view.entry.state === "superseded" || role === "reviewer";
  at("many").hidden = !pending || qa;
  at("accept-text").textContent = qa ? (work.drawn ? "Mask and release anew" : "Clean") : "Accept";
  at("reject-text").textContent = qa ? "Missed" : "Reject";
  at("accept").disabled = !work.editable;
  at("reject").disabled = !work.mine;
  if (view.approvedByMe && view.approvalsNeeded > 1) at("accept").disabled = true;
  at("undo").disabled = !work.editable || !(view.canUndo || work.unsaved);
  at("redo").disabled = !work.editable || !view.canRedo;
  for (const scope of ["series", "layout"]) {
    at(`${scope}-count`).textContent = view.siblings[scope] ?? 0;
    document.querySelector(`[data-do="${scope}"]`).disabled = !work.editable || !view.siblings[scope];
  }
}

function showBoxes() {
  const here = items.filter((item) => on(item, cine.frame));
  boxes.show(here.map((item) => ({ ...item, sign: item.look === "kept" ? "" : { phi: "PHI", unsure: "?", drawn: "✎" }[item.look] })), find(selected) && on(find(selected), cine.frame) ? selected : null);
}

function showPanel() {
  const shared = { selected, frame: cine.frame, count: work.view.frames, answers: work.answers, editable: work.editable };
  panel.showItems(items, shared, (id) => { select(id); reveal(); });
  panel.showSelected(find(selected), shared);
}

function select(id) {
  if (id === selected) return;
  turns += 1;
  selected = id;
  if (id && showsAfter()) toggleAfter();
  showBoxes();
  showPanel();
}

function reveal() {
  const item = find(selected);
  if (!item) return;
  if (!on(item, cine.frame)) cine.go(item.span[0]);
  stage.reveal(item.box);
}

// -- drafting

// What was chosen stays chosen when the server's answer gives it another name, unless the person moved on.
function keep(saving, then = () => {}) {
  then();
  const mine = turns;
  saving.then(() => turns === mine && !find(selected) && then(), (error) => {
    warnOf(error);
    reload();
  });
}

function changeBox(id, values) {
  const item = find(id);
  if (!item || item.redaction === undefined || !work.editable) return;
  const box = values.box ?? item.box;
  keep(work.change(item.redaction, values), () => select(idOf(box)));
}

function answer(says) {
  const item = find(selected);
  if (!item?.findings.length || !work.editable) return say("Choose a line of text first.");
  keep(work.answer(item.findings, says), () => select(idOf(item.box) ?? items.find((other) => other.findings.some(({ index }) => index === item.findings[0].index))?.id ?? null));
  say({ phi: "Will be masked.", keep: "Stays as it is.", term: "Stays, and is learned as a harmless term." }[says]);
}

function remove() {
  const item = find(selected);
  if (!item || item.redaction === undefined || !work.editable) return;
  if (item.findings.length) return answer("keep");
  selected = null;
  keep(work.remove(item.redaction));
  say("Box deleted. U brings it back.");
}

function drawByKey() {
  if (!work.editable) return;
  const { rows, columns } = work.view;
  const box = [Math.round(rows * 0.46), Math.round(columns * 0.3), Math.max(4, Math.round(rows * 0.06)), Math.max(4, Math.round(columns * 0.4))];
  keep(work.draw(box, [0, work.view.frames]), () => select(idOf(box)));
  say("A box stands in the middle. Shift and arrows move it, Ctrl+Shift and arrows change its size.");
}

function nudge([down, across, tall, wide], event) {
  const item = find(selected);
  if (!item || item.redaction === undefined || !work.editable) return;
  const step = event.repeat ? 8 : 1;
  const [row, column, rows, columns] = item.box;
  const box = boxes.inside([
    Math.min(work.view.rows - rows, Math.max(0, row + down * step)), Math.min(work.view.columns - columns, Math.max(0, column + across * step)),
    Math.max(1, rows + tall * step), Math.max(1, columns + wide * step)]);
  work.adjust(item.redaction, { box });
  refreshSoon(box);
}

// Many small steps become one that can be undone.
let nudged = 0;
function refreshSoon(box) {
  items = work.items();
  selected = idOf(box);
  turns += 1;
  showBoxes();
  clearTimeout(nudged);
  nudged = setTimeout(() => { nudged = 0; keep(work.save(), () => select(idOf(box))); }, 350);
}

async function flush() {
  if (nudged) {
    clearTimeout(nudged);
    nudged = 0;
    work.save().catch(warnOf);
  }
  await work.saving;
}

async function chooseFrames() {
  const item = find(selected);
  if (!item || item.redaction === undefined || !work.editable || work.view.frames < 2) return;
  const span = await whichFrames(item.span, cine.frame, work.view.frames);
  if (span) changeBox(item.id, { span });
}

async function steps(name) {
  if (!work.editable) return;
  await flush();
  try {
    await work[name]();
    say(name === "undo" ? "Undone." : "Done again.");
  } catch (error) {
    warnOf(error);
  }
}

async function toOthers(scope) {
  if (!work.editable || !work.view.siblings[scope]) return say("No other entry that waits is like this one.");
  try {
    await flush();
    const chosen = await whichOthers(work.key, scope);
    if (!chosen) return;
    const { done, skipped } = await post(`/entries/${work.key}/apply`, chosen);
    say(`${done.length} ${done.length === 1 ? "entry" : "entries"} done${skipped.length ? `, ${skipped.length} left alone` : ""}.`);
    dropAhead();
    await reload();
  } catch (error) {
    warnOf(error);
  }
}

// -- deciding and going on

async function decide(name, body, text) {
  if (busy || !work.mine) return;
  busy = true;
  const { key } = work;
  try {
    await flush();
    if (work.unsaved) return;
    await post(`/entries/${key}/${name}`, body);
    seen.push(key);
    say(text);
    await goOn(false);
    count(1);
  } catch (error) {
    warnOf(error);
    if (error.status === 409) await reload();
  } finally {
    busy = false;
  }
}

const accept = () => {
  if (at("accept").disabled) return;
  if (work.view.entry.kind !== "qa") decide("accept", {}, "Accepted.");
  else decide("accept", {}, work.drawn ? "Withdrawn; it will be released anew." : "Clean.");
};

async function reject() {
  if (!work.mine) return;
  if (work.view.entry.kind === "qa") return decide("missed", {}, "Withdrawn and held again.");
  const reason = await whyReject();
  if (reason) decide("reject", { reason }, "Rejected.");
}

async function reopen() {
  try {
    await post(`/entries/${work.key}/reopen`);
    await reload();
    say("The entry waits again; what was released is being withdrawn.");
  } catch (error) {
    warnOf(error);
  }
}

// The next entry is taken and fetched while this one is looked at.
function prefetch() {
  if (ahead || isLocked()) return;
  const asked = post("/next", { ...wanted(), kind: wantedKind(), state: "pending", after: work.view.entry.id }, { background: true });
  ahead = asked.then(async (view) => {
    if (!view.entry || view.entry.key === work.key) return null;
    const store = new Frames(view.entry.key, view);
    if (!view.trouble) await store.picture(firstOf(view), { background: true }).catch(() => {});
    return { view, store };
  });
  ahead.catch(() => { ahead = null; });
}

async function goOn(leaving = true) {
  prefetch();
  const [before, waiting] = [work.key, ahead];
  const next = await waiting;
  ahead = null;
  if (leaving) {
    await flush();
    seen.push(before);
    post(`/entries/${before}/leave`, {}, { background: true }).catch(() => {});
  }
  if (!next) return location.assign(`${base}/`);
  if (next.view.until * 1000 < Date.now() + 20000) return show(next.view.entry.key);
  await open(next.view, next.store);
}

async function step(action) {
  if (busy) return;
  busy = true;
  try {
    await action();
  } catch (error) {
    warnOf(error);
  } finally {
    busy = false;
  }
}

async function goBack() {
  const key = seen.pop();
  if (!key) return say("This is the first entry you opened.");
  await flush();
  post(`/entries/${work.key}/leave`, {}, { background: true }).catch(() => {});
  await show(key);
}

async function show(key, push = true) {
  await open(await post(`/entries/${key}/claim`), null, push);
}

async function reload() {
  try {
    const view = await post(`/entries/${work.key}/claim`);
    Object.assign(work, { unsaved: 0, adjusting: false });
    work.take(view);
    refresh();
  } catch (error) {
    warnOf(error);
  }
}

// Counting a long queue takes the server a while: between two counts we count ourselves.
let left = 0;
let counted = 0;
async function count(done = 0) {
  left -= done;
  if (counted) at("left").textContent = Math.max(0, left).toLocaleString();
  if (done && performance.now() - counted < COUNT_MILLISECONDS) return;
  counted = performance.now();
  try {
    const facts = await get("/facets", { background: true });
    left = facts.kinds?.[wantedKind()] ?? 0;
    at("left").textContent = left.toLocaleString();
    if (facts.trouble) warn(facts.trouble);
  } catch { /* the figure can wait */ }
}

// What was taken ahead, or is just being taken, goes back to the others.
function dropAhead() {
  ahead?.then((next) => next && post(`/entries/${next.view.entry.key}/leave`, {}, { background: true })).catch(() => {});
  ahead = null;
}

function toggleAfter() {
  const after = at("stage").classList.toggle("after");
  at("after").setAttribute("aria-pressed", String(after));
  at("badge").hidden = true;
  if (after) select(null);
  draw(cine.playing);
}

function toggleBoxes() {
  at("boxes").setAttribute("aria-pressed", String(!at("stage").classList.toggle("hide-boxes")));
}

function use(tool) {
  stage.use(tool);
  boxes.allow(work?.editable ?? false, tool === "draw");
  for (const button of document.querySelectorAll("[data-tool]")) button.setAttribute("aria-pressed", String(button.dataset.tool === tool));
}

function choose(step_) {
  if (!items.length) return;
  const here = items.findIndex((item) => item.id === selected);
  select(items[(here < 0 ? (step_ > 0 ? 0 : items.length - 1) : here + step_ + items.length) % items.length].id);
  reveal();
}

const actions = {
  accept, reject, reopen, next: () => step(() => goOn()), previous: () => step(goBack),
  draw: drawByKey, delete: remove, nudge, choose, frames: chooseFrames,
  phi: () => answer("phi"), keep: () => answer("keep"), term: () => answer("term"),
  undo: () => steps("undo"), redo: () => steps("redo"),
  series: () => toOthers("series"), layout: () => toOthers("layout"),
  play: () => cine.toggle(), frame: (by) => { cine.stop(); cine.go(cine.frame + by); },
  first: () => cine.go(0), last: () => cine.go(cine.count - 1), jump: (by) => cine.jump(by),
  tool: use, "zoom-in": () => stage.zoom(1.3), "zoom-out": () => stage.zoom(1 / 1.3), fit: () => stage.fit(),
  after: toggleAfter, boxes: toggleBoxes, preset: () => say(`Window: ${windowing.next()}`), "as-it-is": () => { windowing.preset(0); say("Window: As it is"); },
  level: ([brighter, width]) => say(windowing.step(brighter, width)), invert: () => windowing.invert(),
  release: () => { boxes.cancel(); select(null); }, help: showKeys, list: () => location.assign(`${base}/`),
};

for (const button of document.querySelectorAll("[data-do]")) button.addEventListener("click", () => actions[button.dataset.do](undefined));
for (const button of document.querySelectorAll("[data-tool]")) button.addEventListener("click", () => use(button.dataset.tool));
at("stage").addEventListener("pointerdown", (event) => !stage.grip && event.button === 0 && boxes.release(event.target), true);
at("stage").addEventListener("pointermove", (event) => {
  const { left, top } = at("stage").getBoundingClientRect();
  pointer = [event.clientX - left, event.clientY - top];
}, { passive: true, capture: true });
at("stage").addEventListener("pointerleave", () => panel.showTip(null));
window.addEventListener("popstate", () => step(() => show(location.pathname.split("/").at(-1), false)));
window.addEventListener("pagehide", () => {
  if (!isLocked()) post("/leave", {}, { background: true, keepalive: true }).catch(() => {});
});
window.addEventListener("pageshow", (event) => event.persisted && location.reload());
setInterval(() => {
  if (!work?.mine || isLocked()) return;
  post(`/entries/${work.key}/renew`, {}, { background: !wasActive() }).catch((error) => error.status === 409 && reload());
}, RENEW_MILLISECONDS);

bindKeys(KEYS, actions);
closing();
watchIdle();
stage.use("draw");
show(location.pathname.split("/").at(-1), false).then(() => count(), (error) => {
  at("where").textContent = "Not here";
  at("notice").hidden = false;
  at("notice").textContent = error.whole ?? "This entry cannot be shown.";
});
