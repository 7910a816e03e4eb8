// Which entries the person works on; kept in this tab only, as the list left it.

const NAME = "wanted";

export function wanted() {
  try {
    return JSON.parse(sessionStorage.getItem(NAME)) ?? { kind: "held" };
  } catch {
    return { kind: "held" };
  }
}

export const remember = (filter) => sessionStorage.setItem(NAME, JSON.stringify(filter));

// What waits is gone through kind by kind; who comes from what was decided goes on with what is held.
export function wantedKind() {
  const { kind } = wanted();
  return kind === "qa" ? kind : "held";
}
