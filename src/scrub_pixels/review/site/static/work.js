// The draft of one entry: what the person sees at once, and what the server keeps of it.

import { post } from "./api.js";

export const LOOKS = {
  phi: { sign: "PHI", text: "Identifies someone" },
  unsure: { sign: "?", text: "Could not be judged" },
  drawn: { sign: "✎", text: "Drawn by hand" },
  kept: { sign: "✓", text: "Harmless" },
};

export class Work {
  constructor(view, onChange) {
    this.onChange = onChange;
    this.saving = Promise.resolve();
    this.unsaved = 0;
    this.adjusting = false;
    this.take(view);
  }

  take(view) {
    this.view = view;
    this.redactions = view.draft.redactions.map((made) => ({ ...made }));
    this.answers = { ...view.draft.answers };
  }

  get key() {
    return this.view.entry.key;
  }

  // Whether it waits, and nobody else has it.
  get mine() {
    return this.view.entry.state === "pending" && !this.view.conflict;
  }

  // Nobody draws over an image that cannot be opened.
  get editable() {
    return this.mine && !this.view.trouble;
  }

  // What a person can point at: each redaction, then each finding that stays.
  items() {
    const seen = new Map();
    const covered = new Set();
    const masks = this.redactions.map((redaction, index) => {
      const inside = this.view.findings.filter((finding) => covers(redaction, finding));
      inside.forEach((finding) => covered.add(finding.index));
      const look = lookOf(redaction, inside);
      return { ...redaction, redaction: index, look, findings: inside, id: unique(`${look}-${where(redaction)}`, seen) };
    });
    const kept = this.view.findings.filter((finding) => !covered.has(finding.index)).map((finding) => (
      { box: finding.box, span: finding.span, look: "kept", findings: [finding], id: unique(`kept-${where(finding)}`, seen) }));
    return [...masks, ...kept];
  }

  draw(box, span) {
    this.redactions.push({ box, span, reason: "reviewer" });
    return this.save();
  }

  change(index, values) {
    Object.assign(this.redactions[index], values);
    return this.save();
  }

  // A small step on the way to a change: shown now, kept by the next save.
  adjust(index, values) {
    this.adjusting = true;
    Object.assign(this.redactions[index], values);
  }

  remove(index) {
    this.redactions.splice(index, 1);
    return this.save();
  }

  answer(findings, says) {
    for (const { index } of findings) this.answers[index] = says;
    return this.save();
  }

  // What the pictures of the masked frames depend on.
  get masks() {
    return ` ${JSON.stringify(this.redactions.map(({ box, span }) => [box, span]))}`;
  }

  get drawn() {
    return this.redactions.some((redaction) => redaction.reason === "reviewer");
  }

  save() {
    this.adjusting = false;
    const draft = { redactions: this.redactions.map(({ box, span, reason }) => ({ box, span, reason })), answers: { ...this.answers } };
    return this.step("draft", draft);
  }

  undo() {
    return this.step("undo");
  }

  redo() {
    return this.step("redo");
  }

  // One after the other, so that the steps are kept in order; the last answer is what is shown.
  step(name, body = {}) {
    this.unsaved += 1;
    this.onChange();
    const done = this.saving.then(() => post(`/entries/${this.key}/${name}`, body)).then((view) => {
      this.unsaved -= 1;
      if (!this.unsaved && !this.adjusting) this.take({ ...view, conflict: this.view.conflict });
      this.onChange();
    }, (error) => {
      this.unsaved -= 1;
      throw error;
    });
    this.saving = done.catch(() => {});
    return done;
  }
}

function lookOf(redaction, inside) {
  if (redaction.reason === "reviewer" && !inside.length) return "drawn";
  if (inside.some((finding) => finding.verdict === "phi")) return "phi";
  return inside.length ? "unsure" : redaction.reason === "reviewer" ? "drawn" : "phi";
}

// A finding belongs to a redaction that covers most of it in some frame.
function covers({ box: [row, column, rows, columns], span }, finding) {
  const [top, left, high, wide] = finding.box;
  const across = Math.min(column + columns, left + wide) - Math.max(column, left);
  const down = Math.min(row + rows, top + high) - Math.max(row, top);
  return across > 0 && down > 0 && across * down >= 0.5 * high * wide && span[0] < finding.span[1] && finding.span[0] < span[1];
}

const where = ({ box, span }) => [...box, ...span].join(".");

function unique(id, seen) {
  const count = seen.get(id) ?? 0;
  seen.set(id, count + 1);
  return count ? `${id}_${count}` : id;
}
