// Questions before something larger: why reject, which frames, which other entries.

import { post } from "./api.js";
import { element } from "./says.js";

const REASONS = ["Identifying text over the anatomy", "A face or a photograph", "Not a medical image", "Not usable", "Consent is missing"];

const at = (id) => document.getElementById(id);

function ask(sheet) {
  const form = sheet.querySelector("form");
  sheet.returnValue = "";
  sheet.showModal();
  return new Promise((resolve) => sheet.addEventListener("close", () => resolve(sheet.returnValue === "ok" ? form : null), { once: true }));
}

// Digits choose, as everywhere in these sheets.
function digits(sheet) {
  if (sheet.dataset.digits) return;
  sheet.dataset.digits = "yes";
  sheet.addEventListener("keydown", (event) => {
    const radio = sheet.querySelectorAll("input[type=radio]")[Number(event.key) - 1];
    if (!radio || event.target.matches("input[type=text], input[type=number]")) return;
    event.preventDefault();
    radio.checked = true;
    radio.focus();
  });
}

export async function whyReject() {
  const sheet = at("reject-sheet");
  const place = at("reject-reasons");
  if (place.children.length < 2) {
    REASONS.forEach((text, index) => place.append(element("label", { children: [
      element("input", { type: "radio", name: "reason", value: text, checked: index === 0 }), element("kbd", { text: String(index + 1) }), text] })));
    digits(sheet);
  }
  const form = await ask(sheet);
  return form && (form.elements.other.value.trim() || form.elements.reason.value);
}

// Answers [start, stop), or null.
export async function whichFrames(span, frame, count) {
  const sheet = at("frames-sheet");
  const form = sheet.querySelector("form");
  digits(sheet);
  const { first, last } = form.elements;
  first.max = last.max = count;
  [first.value, last.value] = [span[0] + 1, Math.min(count, span[1])];
  form.elements.span.value = span[1] - span[0] >= count ? "all" : span[1] - span[0] === 1 && span[0] === frame ? "this" : "range";
  for (const input of [first, last]) input.onfocus = () => { form.elements.span.value = "range"; };
  if (!(await ask(sheet))) return null;
  if (form.elements.span.value === "all") return [0, count];
  if (form.elements.span.value === "this") return [frame, frame + 1];
  const [from, to] = [Number(first.value), Number(last.value)].sort((a, b) => a - b);
  return [Math.min(count - 1, Math.max(0, from - 1)), Math.min(count, Math.max(1, to))];
}

const SCOPES = {
  series: ["Apply to the whole series", "The boxes of this entry are drawn on these entries of the same series, and what you kept is kept there too."],
  layout: ["Apply to the same device and layout", "The boxes of this entry are drawn on these entries of the same device and picture size, and what you kept is kept there too."],
};

// Answers { keys, then }, or null.
export async function whichOthers(key, scope) {
  const { changes } = await post(`/entries/${key}/preview`, { scope });
  const sheet = at("many-sheet");
  const [title, text] = SCOPES[scope];
  at("many-title").textContent = title;
  at("many-text").textContent = changes.length ? text : "No other entry that waits is like this one.";
  at("many-list").hidden = !changes.length;
  at("many-go").disabled = !changes.length;
  at("many-list").replaceChildren(...changes.map((change) => element("li", { children: [changeRow(change)] })));
  const form = await ask(sheet);
  if (!form) return null;
  const keys = [...at("many-list").querySelectorAll("input:checked")].map((input) => input.value);
  return keys.length ? { keys, then: form.elements.then.value } : null;
}

function changeRow({ entry, added, kept, leasedTo }) {
  const parts = [`${added.length} ${added.length === 1 ? "box" : "boxes"} more`];
  if (kept.length) parts.push(`${kept.length} kept`);
  const name = [entry.modality, entry.device].filter(Boolean).join(" · ") || "Image";
  return element("label", { children: [
    element("input", { type: "checkbox", value: entry.key, checked: !leasedTo, disabled: Boolean(leasedTo) }),
    element("img", { alt: "", loading: "lazy", src: `/api/entries/${entry.key}/thumbnail` }),
    element("span", { text: `${name}${entry.frames > 1 ? ` · ${entry.frames} frames` : ""}` }),
    element("span", { className: "muted", text: leasedTo ? `with ${leasedTo}` : parts.join(", ") })] });
}
