// The viewer's shortcuts: what works, and what the page behind `?` shows.

const DECIDE = "Deciding";
const BOXES = "Text and boxes";
const LOOK = "Looking";
const FRAMES = "Frames";

const arrows = (prefix, make) => [["ArrowUp", -1, 0], ["ArrowDown", 1, 0], ["ArrowLeft", 0, -1], ["ArrowRight", 0, 1]]
  .map(([key, down, across], index) => ({ ...make(down, across, index), keys: [`${prefix}${key}`] }));

export const KEYS = [
  { keys: ["a"], do: "accept", group: DECIDE, text: "Accept and go on (quality control: clean)" },
  { keys: ["r"], do: "reject", group: DECIDE, text: "Reject (quality control: missed)" },
  { keys: ["n"], do: "next", group: DECIDE, text: "Next entry, decide later" },
  { keys: ["p"], do: "previous", group: DECIDE, text: "Entry before" },
  { keys: ["s"], do: "series", group: DECIDE, text: "Apply to the whole series" },
  { keys: ["l"], do: "layout", group: DECIDE, text: "Apply to the same device and layout" },
  { keys: ["u", "Ctrl+z"], do: "undo", group: DECIDE, text: "Undo", shown: ["u", "Ctrl+z"] },
  { keys: ["Shift+u", "Ctrl+y", "Ctrl+Shift+z"], do: "redo", group: DECIDE, text: "Redo", shown: ["Shift+u", "Ctrl+y"] },
  { keys: ["g"], do: "list", group: DECIDE, text: "Back to the list" },
  { keys: ["ArrowDown"], do: "choose", with: 1, repeats: true, group: BOXES, text: "Choose the next or the one before", shown: ["ArrowDown", "ArrowUp"] },
  { keys: ["ArrowUp"], do: "choose", with: -1, repeats: true, group: BOXES },
  { keys: ["x"], do: "phi", group: BOXES, text: "It identifies someone: mask it" },
  { keys: ["k"], do: "keep", group: BOXES, text: "It may stay here" },
  { keys: ["v"], do: "term", group: BOXES, text: "Harmless term: may stay everywhere" },
  { keys: ["d"], do: "draw", group: BOXES, text: "New box in the middle" },
  ...arrows("Shift+", (down, across, index) => ({ do: "nudge", with: [down, across, 0, 0], repeats: true, group: BOXES, ...(index ? {} : { text: "Move the box", shown: ["Shift+ArrowLeft"] }) })),
  ...arrows("Ctrl+Shift+", (down, across, index) => ({ do: "nudge", with: [0, 0, down, across], repeats: true, group: BOXES, ...(index ? {} : { text: "Change its size", shown: ["Ctrl+Shift+ArrowLeft"] }) })),
  { keys: ["Delete", "Backspace"], do: "delete", group: BOXES, text: "Delete the box" },
  { keys: ["e"], do: "frames", group: BOXES, text: "This frame, a range, or all" },
  { keys: ["Escape"], do: "release", group: BOXES, text: "Choose nothing" },
  { keys: ["b"], do: "tool", with: "draw", group: LOOK, text: "Draw with the pointer" },
  { keys: ["h"], do: "tool", with: "pan", group: LOOK, text: "Move the picture (or the middle button)" },
  { keys: ["w"], do: "tool", with: "window", group: LOOK, text: "Window and level (or the right button)" },
  { keys: ["]", "PageUp"], do: "level", with: [1, 0], repeats: true, group: LOOK, text: "Brighter or darker (or Page Up, Page Down)", shown: ["]", "["] },
  { keys: ["[", "PageDown"], do: "level", with: [-1, 0], repeats: true, group: LOOK },
  { keys: [".", "Shift+PageUp"], do: "level", with: [0, -1], repeats: true, group: LOOK, text: "More or less contrast (or those with Shift)", shown: [".", ","] },
  { keys: [",", "Shift+PageDown"], do: "level", with: [0, 1], repeats: true, group: LOOK },
  { keys: ["c"], do: "preset", group: LOOK, text: "Next window preset" },
  { keys: ["Shift+c"], do: "as-it-is", group: LOOK, text: "Window as it was" },
  { keys: ["i"], do: "invert", group: LOOK, text: "Invert" },
  { keys: ["+", "="], do: "zoom-in", repeats: true, group: LOOK, text: "Zoom in or out (or the wheel)", shown: ["+", "-"] },
  { keys: ["-"], do: "zoom-out", repeats: true, group: LOOK },
  { keys: ["0"], do: "fit", group: LOOK, text: "Whole frame" },
  { keys: ["t"], do: "after", group: LOOK, text: "Before and after" },
  { keys: ["o"], do: "boxes", group: LOOK, text: "Show or hide boxes" },
  { keys: [" "], do: "play", group: FRAMES, text: "Play or stop" },
  { keys: ["ArrowRight"], do: "frame", with: 1, repeats: true, group: FRAMES, text: "Next frame or the one before", shown: ["ArrowRight", "ArrowLeft"] },
  { keys: ["ArrowLeft"], do: "frame", with: -1, repeats: true, group: FRAMES },
  { keys: ["f"], do: "jump", with: 1, group: FRAMES, text: "Next frame with other boxes, or before", shown: ["f", "Shift+f"] },
  { keys: ["Shift+f"], do: "jump", with: -1, group: FRAMES },
  { keys: ["Home"], do: "first", group: FRAMES, text: "First or last frame", shown: ["Home", "End"] },
  { keys: ["End"], do: "last", group: FRAMES },
  { keys: ["?"], do: "help", group: FRAMES, text: "These shortcuts" },
];
