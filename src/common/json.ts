/** Far deeper than anything that this project reads. */
const DEEPEST = 64;

/**
 * JSON.parse for text of unknown origin: lists within lists within lists, a hundred times the text's size in memory, are refused before
 * they are built.
 * @throws SyntaxError
 */
export function parseJson(text: string): unknown {
  let depth = 0;
  let inText = false;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (inText) {
      if (c === 0x5c) i++;
      else if (c === 0x22) inText = false;
    } else if (c === 0x22) inText = true;
    else if (c === 0x5b || c === 0x7b) {
      if (++depth > DEEPEST) throw new SyntaxError(`nested more than ${DEEPEST} deep`);
    } else if (c === 0x5d || c === 0x7d) depth--;
  }
  return JSON.parse(text);
}
