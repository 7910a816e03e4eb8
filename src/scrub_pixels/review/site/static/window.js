// Window and level: what grey is shown for what value (PS3.3 C.11.2).
//
// Dragging maps what is shown by a linear filter at once. Where the picture has more greys than
// a screen shows, the server then draws it anew from the stored values.

const SCREEN = [128, 256];
const STEP = 0.05;
const short = (value) => Number(value.toPrecision(4)).toLocaleString("en", { useGrouping: false });
const PLAIN = [
  { name: "As it is", at: ([center, width]) => [center, width] },
  { name: "Faint text on black", at: ([center, width]) => [center - 0.4 * width, 0.22 * width] },
  { name: "Dark areas", at: ([center, width]) => [center - 0.25 * width, 0.5 * width] },
  { name: "Bright areas", at: ([center, width]) => [center + 0.25 * width, 0.5 * width] },
  { name: "More contrast", at: ([center, width]) => [center, 0.5 * width] },
  { name: "Wider", at: ([center, width]) => [center, 2 * width] },
];
const CT = [["Brain", 40, 80], ["Abdomen", 40, 400], ["Lung", -600, 1500], ["Bone", 400, 1800]]
  .map(([name, center, width]) => ({ name, at: () => [center, width] }));

export class Windowing {
  constructor({ canvas, select, onSettle }) {
    Object.assign(this, { canvas, select, onSettle });
    this.functions = [...document.querySelectorAll("#window-filter feFuncR, #window-filter feFuncG, #window-filter feFuncB")];
    select.addEventListener("change", () => this.preset(Number(select.value)));
  }

  open(window, modality, inverse = false) {
    this.inverse = inverse;
    this.own = window ?? SCREEN;
    this.stored = window !== null;
    this.now = [...this.own];
    this.drawn = [...this.own];
    this.inverted = false;
    this.presets = this.stored && modality === "CT" ? [...PLAIN, ...CT] : PLAIN;
    this.select.replaceChildren(...this.presets.map(({ name }, index) => new Option(name, index)), Object.assign(new Option("By hand", -1), { hidden: true }));
    this.select.value = "0";
    this.filter();
  }

  // What to ask the server for, or null for the header's own.
  get asked() {
    return this.stored && (this.now[0] !== this.own[0] || this.now[1] !== this.own[1]) ? this.now.map((value) => Number(value.toPrecision(9))) : null;
  }

  preset(index) {
    this.now = this.presets[index].at(this.own);
    this.select.value = String(index);
    this.filter();
    this.settle(0);
  }

  next() {
    this.preset((Number(this.select.value) + 1) % this.presets.length);
    return this.presets[Number(this.select.value)].name;
  }

  // By keyboard: a step is a twentieth of the window's own width, or a tenth more or less of it.
  step(brighter, width) {
    const level = this.inverse === this.inverted ? -brighter : brighter;
    this.now = [this.now[0] + level * this.now[1] * STEP, this.widthOf(this.now[1] * (1 + 2 * STEP) ** width)];
    this.byHand();
    return `Centre ${short(this.now[0])}, width ${short(this.now[1])}`;
  }

  drag(x, y) {
    const [center, width] = this.now;
    this.now = [center + (y * this.own[1]) / 400, this.widthOf(width * Math.exp(x / 300))];
    this.byHand();
  }

  widthOf(wanted) {
    return Math.min(this.own[1] * 64, Math.max(this.own[1] / 256, wanted));
  }

  byHand() {
    this.select.value = "-1";
    this.filter();
    this.settle(160);
  }

  invert() {
    this.inverted = !this.inverted;
    this.filter();
  }

  settle(milliseconds) {
    clearTimeout(this.timer);
    if (this.stored) this.timer = setTimeout(() => this.onSettle(), milliseconds);
  }

  // The picture on the canvas is now one of this window.
  shows(window) {
    this.drawn = window ?? this.own;
    this.filter();
  }

  filter() {
    const [center, width] = this.now;
    const [from, over] = this.drawn;
    let slope = over / width;
    let intercept = (from - over / 2 - (center - width / 2)) / width;
    if (this.inverse) intercept = 1 - intercept - slope;
    if (this.inverted) [slope, intercept] = [-slope, 1 - intercept];
    for (const node of this.functions) {
      node.setAttribute("slope", slope);
      node.setAttribute("intercept", intercept);
    }
    this.canvas.classList.toggle("windowed", Math.abs(slope - 1) > 1e-6 || Math.abs(intercept) > 1e-6);
  }
}
