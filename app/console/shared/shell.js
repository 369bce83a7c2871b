// Commands as a shell reads them.

/** A word of a command. */
export const quoted = (text) => (/^[\w:/.@%+=-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);
