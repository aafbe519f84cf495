// Small things that this browser remembers. Where it may not, nothing is remembered and all works.

function storeOf(getStorage) {
  return {
    read(key) {
      try {
        return JSON.parse(getStorage().getItem(key));
      } catch {
        return null; // switched off, or written by something else
      }
    },
    write(key, value) {
      try {
        getStorage().setItem(key, JSON.stringify(value));
      } catch {
        // switched off or full
      }
    },
    forget(key) {
      try {
        getStorage().removeItem(key);
      } catch {
        // switched off
      }
    },
  };
}

/** Lasts until it is forgotten. */
export const forGood = storeOf(() => window.localStorage);
/** Lasts as long as this tab. */
export const forThisTab = storeOf(() => window.sessionStorage);
