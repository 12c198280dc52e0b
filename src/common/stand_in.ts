import { UserError, excerpt } from './errors';

/** Bytes of a file's beginning that `refuseStandIn` looks at. */
export const STAND_IN_BYTES = 64;

/**
 * Refuses what a download often leaves in the place of a file: the pointer of Git LFS, a web page (a login, an error), an archive.
 * `start` is the file's beginning. @throws UserError that names the file and says what to do
 */
export function refuseStandIn(start: Uint8Array, file: string): void {
  const text = Buffer.from(start.buffer, start.byteOffset, Math.min(start.length, STAND_IN_BYTES)).toString('latin1');
  if (text.startsWith('version https://git-lfs')) {
    throw new UserError(`${file}: this is a pointer of Git LFS, not the file itself; fetch it by \`git lfs pull\`.`);
  }
  // With or without a byte-order mark.
  if (/^(\xef\xbb\xbf)?\s*<(!doctype html|html|\?xml[^>]*>\s*<(error|html|!doctype html))/i.test(text)) {
    throw new UserError(`${file}: this is a web page, not the file itself; open it in a browser to see what it says, and download the file anew.`);
  }
  if (text.startsWith('\x1f\x8b')) throw new UserError(`${file}: this is a gzip archive; unpack it and give what is inside.`);
}

/** Refuses text where weights are wanted: what a server answered, such as `{"error": "not found"}`. @throws UserError that shows its beginning */
export function refuseText(start: Uint8Array, file: string): void {
  const text = Buffer.from(start.buffer, start.byteOffset, Math.min(start.length, STAND_IN_BYTES)).toString('latin1').trim();
  if (/^[[{"<A-Z][\t\n\r\x20-\x7e]+$/.test(text)) {
    throw new UserError(`${file}: this is text ('${excerpt(text, 40)}'), not a file of weights; download it anew.`);
  }
}
