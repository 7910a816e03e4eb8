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
