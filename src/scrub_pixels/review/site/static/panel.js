// The panel beside the picture: why the entry is here, what was found, what is selected.

import { element } from "./says.js";
import { LOOKS } from "./work.js";

const FATES = { mask: "Masked", keep: "Stays", term: "Harmless term" };
const at = (id) => document.getElementById(id);

export function framesText([start, stop], count) {
  if (count < 2) return "";
  if (start <= 0 && stop >= count) return "all frames";
  return stop - start === 1 ? `frame ${start + 1}` : `frames ${start + 1}–${stop}`;
}

export function showReasons(view) {
  const { entry } = view;
  const reasons = entry.kind === "qa" ? ["Drawn for quality control: was anything missed?"] : entry.reasons;
  at("reasons").replaceChildren(...reasons.map((text) => element("li", { text })));
  at("agreement").hidden = view.approvalsNeeded < 2;
  const names = view.approvals.length ? `Accepted by ${view.approvals.join(", ")}.` : "Nobody has accepted it yet.";
  at("agreement").textContent = `${view.approvalsNeeded} people have to agree. ${names}`;
}

export function showItems(items, { selected, frame, count, answers }, onSelect) {
  const rows = items.map((item) => itemRow(item, item.id === selected, frame, count, answers));
  rows.forEach((row, index) => row.addEventListener("click", () => onSelect(items[index].id)));
  const focused = document.activeElement?.closest?.("#items") ? document.activeElement.dataset.id : null;
  at("items").replaceChildren(...rows.map((row) => element("li", { children: [row] })));
  at("none").hidden = items.length > 0;
  at("items").hidden = !items.length;
  const masked = items.filter((item) => item.look !== "kept").length;
  at("counts").textContent = items.length ? `${masked} masked, ${items.length - masked} stay` : "";
  const again = rows.find((row) => row.dataset.id === (focused && selected ? selected : focused));
  if (focused) again?.focus({ preventScroll: true });
  rows.find((row) => row.dataset.id === selected)?.scrollIntoView({ block: "nearest" });
}

const origin = ({ reason }) => (reason === "reviewer" ? "Box drawn by hand" : `Proposed: ${reason}`);

function itemRow(item, chosen, frame, count, answers) {
  const look = LOOKS[item.look];
  const here = frame >= item.span[0] && frame < item.span[1];
  const read = item.findings.map((finding) => finding.reading || "(cannot be read)").join(" · ");
  const said = item.findings.map((finding) => answers[finding.index]).find(Boolean);
  const fate = item.look === "kept" ? (said === "term" ? "term" : "keep") : "mask";
  const what = [item.findings.length ? look.text : origin(item), framesText(item.span, count)].filter(Boolean).join(" · ");
  return element("button", {
    type: "button", className: here ? "item" : "item elsewhere", ariaPressed: String(chosen), data: { id: item.id },
    children: [
      element("span", { className: "look", text: look.sign, data: { look: item.look }, ariaHidden: "true" }),
      element("span", { children: [
        element("bdi", { className: item.findings.length ? "reading" : "", text: read || `${item.box[3]} × ${item.box[2]} pixels` }),
        element("span", { className: "what", text: what })] }),
      element("span", { className: "fate", text: FATES[fate], data: { fate: fate === "mask" ? "mask" : "keep" } }),
    ],
  });
}

export function showSelected(item, { editable, count, answers }) {
  at("selected").hidden = !item;
  if (!item) return;
  const why = item.findings.flatMap((finding) => finding.evidence);
  at("evidence").textContent = why.length ? `Why: ${why.join("; ")}.` : `${origin(item)}.`;
  at("answers").hidden = !item.findings.length;
  at("box-actions").hidden = item.look === "kept";
  document.querySelector('[data-do="frames"]').hidden = count < 2;
  for (const button of document.querySelectorAll("#selected button")) button.disabled = !editable;
  const said = item.findings.map((finding) => answers[finding.index]).find(Boolean);
  for (const name of ["phi", "keep", "term"]) document.querySelector(`#answers [data-do="${name}"]`).setAttribute("aria-pressed", String(said === name));
}

export function showTip(item, count, [x, y] = [0, 0], stage = null) {
  const tip = at("tip");
  tip.hidden = !item;
  if (!item) return;
  const lines = item.findings.flatMap((finding) => finding.evidence);
  const read = item.findings.map((finding) => finding.reading || "(cannot be read)").join(" · ");
  const sure = item.findings[0]?.reading ? ` · read with ${Math.round(100 * item.findings[0].confidence)} %` : "";
  tip.replaceChildren(
    element("strong", { text: `${LOOKS[item.look].text}${sure}` }),
    ...(read ? [element("div", { children: [element("bdi", { className: "reading", text: read.slice(0, 200) })] })] : []),
    element("ul", { children: [...lines.slice(0, 5), framesText(item.span, count)].filter(Boolean).map((text) => element("li", { text })) }));
  const { offsetWidth: wide, offsetHeight: high } = tip;
  tip.style.left = `${Math.max(8, Math.min(x + 16, stage.clientWidth - wide - 8))}px`;
  tip.style.top = `${y + 18 + high > stage.clientHeight ? Math.max(8, y - high - 12) : y + 18}px`;
}

export function showHistory(view) {
  at("input").textContent = view.input;
  at("history").replaceChildren(...view.history.map(({ at: when, who, what, why }) => (
    element("li", { text: `${new Date(when * 1000).toLocaleString()} · ${who} · ${what}${why ? `: ${why}` : ""}` }))));
}
