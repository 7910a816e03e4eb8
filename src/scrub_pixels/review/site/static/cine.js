// Which frame is shown: the slider, its marks, and playing.

const SHAPES = "http://www.w3.org/2000/svg";
const LANES = { phi: [0, 6], unsure: [5, 6], drawn: [10, 5] };

export class Cine {
  constructor({ slider, marks, number, play }, onFrame) {
    Object.assign(this, { slider, marks, number, button: play, onFrame });
    this.frame = 0;
    this.count = 1;
    this.timer = 0;
    slider.addEventListener("input", () => this.go(Number(slider.value)));
  }

  open(count, perSecond, frame = 0) {
    this.stop();
    Object.assign(this, { count, perSecond: Math.min(60, Math.max(1, perSecond || 10)), loaded: new Set() });
    this.slider.max = count - 1;
    this.marks.setAttribute("viewBox", `0 0 ${count} 16`);
    this.frame = frame;
    this.tell();
  }

  go(frame) {
    const wanted = Math.min(this.count - 1, Math.max(0, frame));
    if (wanted === this.frame) return;
    this.frame = wanted;
    this.tell();
    this.onFrame(wanted, this.playing);
  }

  tell() {
    this.slider.value = this.frame;
    this.number.textContent = `${this.frame + 1} / ${this.count}`;
    this.slider.setAttribute("aria-valuetext", `Frame ${this.frame + 1} of ${this.count}${this.said?.(this.frame) ?? ""}`);
  }

  // Findings and boxes as stripes over the slider, each look in its own lane.
  mark(items) {
    const stripes = [...runs([...this.loaded].sort((a, b) => a - b))].map(([start, stop]) => stripe("loaded", start, stop, 14.5, 1.5));
    for (const { look, span } of items) if (LANES[look]) stripes.push(stripe(look, span[0], span[1], ...LANES[look]));
    this.marks.replaceChildren(...stripes);
    this.marked = items.filter(({ look }) => LANES[look]);
    this.tell();
  }

  // The next frame (or the one before) in which other boxes stand.
  jump(step) {
    const edges = [...new Set(this.marked.flatMap(({ span }) => [span[0], span[1] < this.count ? span[1] : 0]))].sort((a, b) => a - b);
    const next = step > 0 ? edges.find((edge) => edge > this.frame) ?? edges[0] : edges.findLast((edge) => edge < this.frame) ?? edges.at(-1);
    this.go(next ?? this.frame);
  }

  toggle() {
    if (this.playing) this.stop();
    else if (this.count > 1) this.play();
  }

  play() {
    this.playing = true;
    this.button.setAttribute("aria-pressed", "true");
    let shown = performance.now();
    const next = (now) => {
      if (!this.playing) return;
      const steps = Math.floor(((now - shown) * this.perSecond) / 1000);
      if (steps > 0) {
        shown += (steps * 1000) / this.perSecond;
        this.go((this.frame + steps) % this.count);
      }
      requestAnimationFrame(next);
    };
    requestAnimationFrame(next);
  }

  stop() {
    if (!this.playing) return;
    this.playing = false;
    this.button.setAttribute("aria-pressed", "false");
    this.onFrame(this.frame, false);
  }
}

function stripe(look, start, stop, y, height) {
  const made = document.createElementNS(SHAPES, "rect");
  for (const [name, value] of Object.entries({ class: look, x: start, width: stop - start, y, height })) made.setAttribute(name, value);
  return made;
}

function* runs(frames) {
  let start = frames[0];
  for (let i = 0; i < frames.length; i += 1) {
    if (frames[i + 1] === frames[i] + 1) continue;
    yield [start, frames[i] + 1];
    start = frames[i + 1];
  }
}
