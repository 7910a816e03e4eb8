// The picture on its stage: zoom, pan, window. One canvas pixel is one sample of the frame.

const MOST = 32;
const CRISP_FROM = 2.5;

export class Stage {
  constructor(stage, sheet, canvas, { onView, onWindow, onPinch }) {
    Object.assign(this, { stage, sheet, canvas, onView, onWindow, onPinch });
    this.context = canvas.getContext("2d", { alpha: false });
    this.scale = 1;
    this.left = this.top = 0;
    this.fitted = true;
    this.tool = "draw";
    this.space = false;
    this.pointers = new Map();
    new ResizeObserver(() => (this.fitted ? this.fit() : this.place())).observe(stage);
    this.listen();
  }

  resize(rows, columns) {
    if (this.canvas.width !== columns || this.canvas.height !== rows) Object.assign(this.canvas, { width: columns, height: rows });
    this.fit();
  }

  show(picture) {
    this.context.drawImage(picture, 0, 0, this.canvas.width, this.canvas.height);
  }

  clear() {
    this.context.fillRect(0, 0, this.canvas.width, this.canvas.height);
  }

  use(tool) {
    this.tool = this.stage.dataset.tool = tool;
  }

  fit() {
    const { clientWidth: wide, clientHeight: high } = this.stage;
    this.scale = Math.min((wide - 24) / this.canvas.width, (high - 24) / this.canvas.height, MOST);
    if (!(this.scale > 0)) this.scale = 1;
    this.left = (wide - this.canvas.width * this.scale) / 2;
    this.top = (high - this.canvas.height * this.scale) / 2;
    this.fitted = true;
    this.place();
  }

  zoom(factor, x = this.stage.clientWidth / 2, y = this.stage.clientHeight / 2) {
    const scale = Math.min(MOST, Math.max(0.05, this.scale * factor));
    this.left = x - ((x - this.left) * scale) / this.scale;
    this.top = y - ((y - this.top) * scale) / this.scale;
    this.scale = scale;
    this.fitted = false;
    this.place();
  }

  pan(x, y) {
    this.left += x;
    this.top += y;
    this.fitted = false;
    this.place();
  }

  // Bring a box (row, column, rows, columns) into view without changing more than needed.
  reveal([row, column, rows, columns]) {
    const across = nearest(this.left + column * this.scale, columns * this.scale, this.stage.clientWidth);
    const down = nearest(this.top + row * this.scale, rows * this.scale, this.stage.clientHeight);
    if (across || down) this.pan(across, down);
  }

  place() {
    const { clientWidth: wide, clientHeight: high } = this.stage;
    const keep = 48;
    this.left = Math.min(wide - keep, Math.max(keep - this.canvas.width * this.scale, this.left));
    this.top = Math.min(high - keep, Math.max(keep - this.canvas.height * this.scale, this.top));
    this.canvas.style.width = `${this.canvas.width * this.scale}px`;
    this.canvas.style.height = `${this.canvas.height * this.scale}px`;
    this.sheet.style.transform = `translate(${this.left}px, ${this.top}px)`;
    this.canvas.classList.toggle("crisp", this.scale >= CRISP_FROM);
    this.onView(this.scale);
  }

  listen() {
    const { stage } = this;
    stage.addEventListener("wheel", (event) => {
      event.preventDefault();
      const { left, top } = stage.getBoundingClientRect();
      this.zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.06 : 0.0018)), event.clientX - left, event.clientY - top);
    }, { passive: false });
    stage.addEventListener("contextmenu", (event) => event.preventDefault());
    stage.addEventListener("pointerdown", (event) => this.down(event), true);
    stage.addEventListener("pointermove", (event) => this.move(event), true);
    for (const end of ["pointerup", "pointercancel"]) stage.addEventListener(end, (event) => this.up(event), true);
  }

  down(event) {
    this.pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    if (event.pointerType === "touch" && this.pointers.size === 2) {
      this.grip = "pinch";
      this.onPinch();
    } else {
      this.grip = this.gripOf(event);
    }
    if (!this.grip) return;
    this.stage.setPointerCapture(event.pointerId);
    this.stage.classList.toggle("panning", this.grip === "pan");
    event.preventDefault();
    event.stopPropagation();
  }

  // What dragging does: the middle button and the space bar always move, the right one windows.
  gripOf(event) {
    if (event.button === 1 || this.space) return "pan";
    if (event.button === 2) return "window";
    if (event.button !== 0 || this.tool === "draw") return "";
    return event.target.closest?.(".a9s-annotation") ? "" : this.tool;
  }

  move(event) {
    const before = this.pointers.get(event.pointerId);
    if (!before || !this.grip) return;
    event.stopPropagation();
    const x = event.clientX - before.x;
    const y = event.clientY - before.y;
    if (this.grip === "pinch") this.pinch(event, before, x, y);
    else if (this.grip === "pan") this.pan(x, y);
    else this.onWindow(x, y);
    Object.assign(before, { x: event.clientX, y: event.clientY });
  }

  pinch(event, before, x, y) {
    const other = [...this.pointers].find(([id]) => id !== event.pointerId)?.[1];
    if (!other) return;
    const { left, top } = this.stage.getBoundingClientRect();
    const spread = Math.hypot(event.clientX - other.x, event.clientY - other.y) / Math.max(1, Math.hypot(before.x - other.x, before.y - other.y));
    this.zoom(spread, (event.clientX + other.x) / 2 - left, (event.clientY + other.y) / 2 - top);
    this.pan(x / 2, y / 2);
  }

  up(event) {
    const known = this.pointers.delete(event.pointerId);
    if (!known || !this.grip) return;
    event.stopPropagation();
    if (this.pointers.size) return;
    this.grip = "";
    this.stage.classList.remove("panning");
  }
}

function nearest(start, size, room) {
  if (size > room - 40 || (start >= 20 && start + size <= room - 20)) return size > room - 40 && (start > room - 60 || start + size < 60) ? room / 2 - start - size / 2 : 0;
  return start < 20 ? 20 - start : room - 20 - start - size;
}
