// Boxes over the picture, drawn, moved and resized by the annotation library (Annotorious).

import "./vendor/annotorious.js"; // sets globalThis.Annotorious

const { createImageAnnotator } = globalThis.Annotorious;

export class Boxes {
  constructor(canvas, { onDraw, onChange, onSelect, onHover }) {
    this.canvas = canvas;
    this.events = { onDraw, onChange, onSelect, onHover };
    this.shown = new Map();
    this.quiet = true;
    this.anno = createImageAnnotator(canvas, { drawingMode: "drag", userSelectAction: ({ id }) => this.actionOf(id) });
    this.layer = this.anno.element.querySelector("svg");
    this.layer.setAttribute("aria-label", "Boxes over the image; the list beside it names each one");
    this.tags = Object.assign(document.createElement("div"), { className: "tags" });
    this.anno.element.append(this.tags);
    this.listen();
    this.quiet = false;
  }

  listen() {
    const { anno, events } = this;
    anno.on("createAnnotation", (made) => {
      const box = boxOf(made);
      this.silently(() => anno.removeAnnotation(made.id));
      events.onDraw(this.inside(box));
    });
    // At once, unlike the event of the same meaning: what we choose ourselves must not come back to us.
    anno.state.selection.subscribe(({ selected: [chosen] }) => {
      if (!this.quiet && (!chosen || this.shown.has(chosen.id))) events.onSelect(chosen?.id ?? null);
    });
    anno.on("mouseEnterAnnotation", ({ id }) => events.onHover(id));
    anno.on("mouseLeaveAnnotation", () => events.onHover(null));
    anno.element.addEventListener("pointerup", () => setTimeout(() => this.commit()));
    // Handles are for the pointer; the keyboard works on the list.
    new MutationObserver(() => this.layer.querySelectorAll("[role=button][tabindex='0']").forEach((node) => {
      node.setAttribute("tabindex", "-1");
      node.setAttribute("aria-label", "Corner of the box");
    })).observe(this.layer, { childList: true, subtree: true });
  }

  actionOf(id) {
    return this.editable && !id.startsWith("kept-") ? "EDIT" : "SELECT";
  }

  resize() {
    this.layer.setAttribute("viewBox", `0 0 ${this.canvas.width} ${this.canvas.height}`);
  }

  allow(editable, drawing) {
    this.editable = editable;
    this.anno.setDrawingEnabled(editable && drawing);
    this.drawing = editable && drawing;
  }

  // items: [{ id, box: [row, column, rows, columns], look, sign }]
  show(items, selected) {
    const next = new Map(items.map((item) => [item.id, item]));
    const same = next.size === this.shown.size && [...next.keys()].every((id) => this.shown.has(id));
    this.shown = next;
    this.silently(() => {
      if (!same) {
        this.anno.setSelected();
        this.anno.setAnnotations(items.map(annotationOf), true);
      }
      const now = this.anno.getSelected()[0]?.id ?? null;
      if (now !== selected) this.anno.setSelected(next.has(selected) ? selected : undefined, this.editable && !selected?.startsWith("kept-"));
    });
    this.tag(items);
  }

  tag(items) {
    this.tags.replaceChildren(...items.filter((item) => item.sign).map((item) => {
      const [row, column] = item.box;
      const made = Object.assign(document.createElement("span"), { className: row < 0.04 * this.canvas.height ? "tag below" : "tag", textContent: item.sign });
      made.dataset.look = item.look;
      made.style.left = `${(100 * column) / this.canvas.width}%`;
      made.style.top = `${(100 * (row < 0.04 * this.canvas.height ? row + item.box[2] : row)) / this.canvas.height}%`;
      return made;
    }));
  }

  // Drawing begins on empty ground even while a box is selected.
  release(target) {
    if (this.drawing && this.anno.getSelected().length && !target.closest?.(".a9s-annotation.selected")) {
      this.silently(() => this.anno.setSelected());
      this.events.onSelect(null);
    }
  }

  cancel() {
    this.anno.cancelDrawing();
  }

  commit() {
    const chosen = this.anno.getSelected()[0];
    const known = chosen && this.shown.get(chosen.id);
    if (!known) return;
    const box = this.inside(moved(chosen, known.box) ?? boxOf(chosen));
    if (box.some((value, i) => value !== known.box[i])) this.events.onChange(chosen.id, box);
  }

  inside([row, column, rows, columns]) {
    const top = clamp(row, 0, this.canvas.height - 1);
    const left = clamp(column, 0, this.canvas.width - 1);
    return [top, left, clamp(row + rows, top + 1, this.canvas.height) - top, clamp(column + columns, left + 1, this.canvas.width) - left];
  }

  silently(action) {
    this.quiet = true;
    try {
      action();
    } finally {
      this.quiet = false;
    }
  }
}

const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

// Fractions round outwards: a box never covers less than was drawn.
function boxOf(annotation) {
  const { x, y, w, h } = annotation.target.selector.geometry;
  const row = Math.floor(y + 1e-6);
  const column = Math.floor(x + 1e-6);
  return [row, column, Math.max(1, Math.ceil(y + h - 1e-6) - row), Math.max(1, Math.ceil(x + w - 1e-6) - column)];
}

// A box that was only moved keeps its size, wherever between two samples it came to lie.
function moved(annotation, [, , rows, columns]) {
  const { x, y, w, h } = annotation.target.selector.geometry;
  return Math.abs(h - rows) < 0.01 && Math.abs(w - columns) < 0.01 ? [Math.round(y), Math.round(x), rows, columns] : null;
}

function annotationOf({ id, box: [y, x, h, w] }) {
  const geometry = { x, y, w, h, rot: 0, bounds: { minX: x, minY: y, maxX: x + w, maxY: y + h } };
  return { id, bodies: [], target: { annotation: id, selector: { type: "RECTANGLE", geometry } } };
}
