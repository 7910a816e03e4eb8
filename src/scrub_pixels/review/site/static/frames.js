// Frames of one entry: fetched once, kept in memory only, decoded when they are shown.

import { blob } from "./api.js";

const MOST_DECODED_BYTES = 384 * 2 ** 20;
const AT_ONCE = 4;

export class Frames {
  constructor(key, { frames, rows, columns }) {
    Object.assign(this, { key, count: frames });
    this.most = Math.max(4, Math.floor(MOST_DECODED_BYTES / (4 * rows * columns)));
    this.files = new Map();
    this.decoded = new Map();
    this.stopping = new AbortController();
    this.loading = false;
  }

  // exact: lossless and windowed as asked; else small, for playing. masked: as the draft of that name leaves it.
  async picture(frame, { exact = true, window = null, masked = "", background = false } = {}) {
    const name = `${frame} ${exact ? "png" : "jpeg"} ${window ?? ""}${masked}`;
    const kept = this.decoded.get(name);
    if (kept) {
      this.decoded.delete(name);
      this.decoded.set(name, kept);
      return kept;
    }
    const made = createImageBitmap(await this.file(name, frame, { exact, window, masked, background }));
    this.decoded.set(name, made);
    made.catch(() => this.decoded.delete(name));
    this.forget();
    return made;
  }

  file(name, frame, { exact, window, masked, background }) {
    if (!this.files.has(name)) {
      const query = new URLSearchParams(exact ? {} : { form: "jpeg" });
      if (masked) query.set("masked", "1");
      if (window) {
        query.set("center", window[0]);
        query.set("width", window[1]);
      }
      const file = blob(`/entries/${this.key}/frames/${frame}?${query}`, { background, signal: this.stopping.signal });
      this.files.set(name, file);
      file.catch(() => this.files.delete(name));
    }
    return this.files.get(name);
  }

  has(frame) {
    return this.files.has(`${frame} jpeg `);
  }

  // Fetch every frame for playing, from here on and around; tell after each one.
  async loadAll(from, tell) {
    if (this.loading || this.count < 2) return;
    this.loading = true;
    const order = Array.from({ length: this.count }, (_, i) => (from + i) % this.count);
    const worker = async () => {
      while (order.length && !this.stopping.signal.aborted) {
        const frame = order.shift();
        await this.file(`${frame} jpeg `, frame, { exact: false, background: true }).then(() => tell(frame), () => {});
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
  }

  forget() {
    for (const [name, picture] of this.decoded) {
      if (this.decoded.size <= this.most) return;
      this.decoded.delete(name);
      picture.then((bitmap) => bitmap.close(), () => {});
    }
  }

  close() {
    this.stopping.abort();
    for (const picture of this.decoded.values()) picture.then((bitmap) => bitmap.close(), () => {});
    this.decoded.clear();
    this.files.clear();
  }
}
